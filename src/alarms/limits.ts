/** What wears off or fills up without failing at anything yet: looked at from time to time, and told as a failure in good time. */
import { statfs } from 'node:fs/promises'
import { PecError, reasonOf } from '../errors.js'
import type { Clock } from '../points/ports.js'
import { parseCertificate } from '../smime/certificate.js'
import type { CrlCache } from '../smime/crl.js'
import type { Health } from '../watch/health.js'
import type { Part } from '../watch/occurrence.js'

export interface Limit {
  readonly part: Part
  /** Rejects with PecError while the limit is crossed. */
  readonly check: () => Promise<void>
}

const DAY_MS = 86_400_000

/** Returns one look at all of them, which never rejects. What was told is told again only once there is something else to say. */
export function watchLimits(limits: readonly Limit[], health: Health): () => Promise<void> {
  const told = new Map<Part, string>()
  return async () => {
    for (const { part, check } of limits) {
      try {
        await check()
        told.delete(part)
        health.works(part)
      } catch (error) {
        if (told.get(part) !== reasonOf(error)) health.failed(part, error)
        told.set(part, reasonOf(error))
      }
    }
  }
}

/** Each of these folders must have room for `least` bytes more. */
export function diskLimit(folders: readonly string[], least: number): Limit {
  return {
    part: 'disk',
    async check() {
      for (const folder of folders) {
        const left = await roomIn(folder)
        if (left < least)
          throw new PecError('disk', `${folder} has room for ${Math.floor(left / 1_048_576)} MiB only: make space`, {
            temporary: true,
          })
      }
    },
  }
}

/** Bytes that we may still write. */
export async function roomIn(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}

/** `age` in milliseconds, of the copy in use; `most` in seconds. */
export function indexLimit(index: { readonly age: number }, most: number): Limit {
  return {
    part: 'index-age',
    check() {
      const { age } = index
      if (age <= most * 1000) return Promise.resolve()
      const reason = `the index of providers in use is ${Math.floor(age / 3_600_000)} hours old: bring a newer one`
      return Promise.reject(new PecError('index', reason, { temporary: true }))
    },
  }
}

/** Whoever is on a list that is out of date is not known to be good. */
export function crlLimit(crls: Pick<CrlCache, 'state'>, clock: Clock): Limit {
  return {
    part: 'crl-age',
    check() {
      const now = clock()
      const old = crls.state().filter(({ nextUpdate }) => nextUpdate !== undefined && nextUpdate < now)
      if (old.length === 0) return Promise.resolve()
      const ends = old.map(({ source, nextUpdate }) => `${source} is out of date since ${nextUpdate?.toISOString() ?? ''}`)
      return Promise.reject(new PecError('crl', `revocation lists: ${ends.join('; ')}`, { temporary: true }))
    },
  }
}

/** A certificate of ours. */
export interface Lasting {
  readonly what: string
  /** DER. */
  readonly read: () => Buffer | Promise<Buffer>
}

/** Each of our certificates must last for so many days more: a new one takes its time. */
export function certificateLimit(certificates: readonly Lasting[], days: number, clock: Clock): Limit {
  return {
    part: 'certificate',
    async check() {
      const faults = await Promise.all(certificates.map((certificate) => faultOf(certificate, days, clock())))
      const found = faults.filter((fault) => fault !== undefined)
      if (found.length > 0) throw new PecError('configuration', found.join('; '))
    },
  }
}

async function faultOf({ what, read }: Lasting, days: number, now: Date): Promise<string | undefined> {
  try {
    const { notAfter } = parseCertificate(await read())
    const left = Math.floor((notAfter.getTime() - now.getTime()) / DAY_MS)
    if (left < 0) return `our ${what} expired at ${notAfter.toISOString()}: put a new one in its place`
    return left < days ? `our ${what} expires in ${left} days, at ${notAfter.toISOString()}: renew it` : undefined
  } catch (error) {
    return `our ${what} cannot be looked at: ${reasonOf(error)}`
  }
}
