/** Files fetched over HTTP and HTTPS, and questions answered over them, bounded in size and time. Redirects are not followed. */
import * as http from 'node:http'
import * as https from 'node:https'

export interface DownloadBounds {
  /** Milliseconds for the whole of it. */
  readonly timeout: number
  /** Bytes. */
  readonly maxSize: number
}

/** PEM: authorities of the server, undefined for those of Node.js; our own key and certificate, for servers that ask who we are. */
export interface TlsMeans {
  readonly ca?: Buffer | undefined
  readonly key?: Buffer | undefined
  readonly cert?: Buffer | undefined
}

/** The body of a 200 answer, whole. Rejects with an Error that says what came instead. */
export function download(url: string, { timeout, maxSize }: DownloadBounds, tls: TlsMeans = {}): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(timeout)
    const fail = (error: Error): void => reject(signal.aborted ? new Error(`timeout after ${timeout / 1000} s`) : error)
    const take = (response: http.IncomingMessage): void => {
      if (response.statusCode !== 200) {
        response.destroy()
        fail(new Error(`HTTP status ${response.statusCode ?? 0}`))
        return
      }
      const pieces: Buffer[] = []
      let size = 0
      response.on('data', (piece: Buffer) => {
        size += piece.length
        pieces.push(piece)
        if (size > maxSize) response.destroy(new Error(`larger than ${maxSize} bytes`))
      })
      response.on('end', () => resolve(Buffer.concat(pieces)))
      response.on('error', fail)
    }
    const options = { signal, agent: false } as const
    const request = /^https:/i.test(url) ? https.get(url, { ...options, ...tls }, take) : http.get(url, options, take)
    request.on('error', fail)
  })
}

/** The body of the answer to a POST, whole. Rejects with an Error that says what came instead. */
export async function post(
  url: string,
  body: Buffer,
  headers: Readonly<Record<string, string>>,
  { timeout, maxSize }: DownloadBounds,
): Promise<Buffer> {
  try {
    const response = await fetch(url, {
      ...{ method: 'POST', headers, body: new Uint8Array(body), signal: AbortSignal.timeout(timeout) },
      // Another address would be sent what is for this one only.
      redirect: 'error',
    })
    const answer = await bodyOf(response, maxSize)
    if (!response.ok) throw new Error(`HTTP status ${response.status}`)
    return answer
  } catch (error) {
    if (error instanceof TypeError && error.cause instanceof Error) throw error.cause
    throw error
  }
}

async function bodyOf({ body }: Response, maxSize: number): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of (body ?? []) as AsyncIterable<Uint8Array>) {
    size += piece.length
    // Leaving the loop ends the connection.
    if (size > maxSize) throw new Error(`an answer of more than ${maxSize} bytes`)
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}
