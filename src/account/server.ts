/** The page over HTTPS. Passwords come by POST only, in bodies that are bounded. */
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { Endpoint } from '../config/endpoint.js'
import { PecError, reasonOf } from '../errors.js'
import { passwordPage, type Page, type PageFacts } from './page.js'
import type { PasswordChanges } from './password-change.js'

export interface AccountServerOptions {
  readonly listen: Endpoint
  /** PEM. */
  readonly identity: { readonly key: Buffer | string; readonly cert: Buffer | string }
  readonly facts: PageFacts
  readonly changes: Pick<PasswordChanges, 'change'>
  /** What went wrong, for the log; never with what somebody wrote. */
  readonly onFailure: (line: string) => void
}

/** Bytes. */
const MAX_BODY = 8192

const HEADERS = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy': "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
  'Cache-Control': 'no-store',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'Strict-Transport-Security': 'max-age=31536000',
} as const

/** Rejects with PecError 'configuration' if it cannot listen. */
export async function openAccountServer(options: AccountServerOptions): Promise<Server> {
  const { listen, identity, onFailure, facts } = options
  try {
    const server = createServer({ ...identity, minVersion: 'TLSv1.2' }, (request, response) => {
      void answer(request, options)
        .catch((error: unknown) => {
          onFailure(`a password could not be changed: ${reasonOf(error)}`)
          return passwordPage(facts, 'unavailable')
        })
        .then((page) => reply(response, page))
    })
    server.requestTimeout = 10_000
    server.headersTimeout = 10_000
    server.maxConnections = 256
    server.listen(listen)
    await once(server, 'listening')
    return server
  } catch (error) {
    throw new PecError('configuration', `[account] listen: ${reasonOf(error)}`, { cause: error })
  }
}

function reply(response: ServerResponse, { status, html }: Page): void {
  // What is left of a body that was too large is not read.
  const close = status === 413 ? { Connection: 'close' } : {}
  response.writeHead(status, { ...HEADERS, ...close })
  response.end(html)
}

async function answer(request: IncomingMessage, { facts, changes }: AccountServerOptions): Promise<Page> {
  if (request.url !== '/') return { ...passwordPage(facts), status: 404 }
  if (request.method === 'GET' || request.method === 'HEAD') return passwordPage(facts)
  if (request.method !== 'POST') return { ...passwordPage(facts, 'unreadable'), status: 405 }
  const type = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase()
  if (type !== 'application/x-www-form-urlencoded') return { ...passwordPage(facts, 'unreadable'), status: 415 }
  const body = await read(request)
  if (body === undefined) return { ...passwordPage(facts, 'unreadable'), status: 413 }
  const form = new URLSearchParams(body)
  const field = (name: string): string => form.get(name) ?? ''
  const change = { login: field('login'), old: field('old'), chosen: field('chosen'), again: field('again') }
  if (change.login === '' || change.login.length > 400) return passwordPage(facts, 'unreadable')
  const outcome = await changes.change(change, request.socket.remoteAddress ?? '')
  return passwordPage(facts, outcome, change.login)
}

/** Undefined if it is too large. */
function read(request: IncomingMessage): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = []
    let size = 0
    request.on('data', (piece: Buffer) => {
      size += piece.length
      if (size > MAX_BODY) resolve(undefined)
      else pieces.push(piece)
    })
    request.once('end', () => resolve(Buffer.concat(pieces).toString('utf8')))
    request.once('error', reject)
  })
}
