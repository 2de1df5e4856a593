/**
 * Passwords as scrypt hashes, their parameters in the string: `scrypt$N=16384,r=8,p=1$<salt>$<hash>`, salt and hash in base64.
 */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { PecError } from '../errors.js'

export interface ScryptCost {
  readonly N: number
  readonly r: number
  readonly p: number
}

interface ScryptHash {
  readonly cost: ScryptCost
  readonly salt: Buffer
  readonly hash: Buffer
}

/** About 50 ms and 16 MiB for one guess. */
export const DEFAULT_COST: ScryptCost = { N: 16384, r: 8, p: 1 }

const FORM = /^scrypt\$N=(\d{1,7}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,172}={0,2})\$([A-Za-z0-9+/]{22,172}={0,2})$/
const MAX_MEMORY = 128 * 1024 * 1024
/** Bytes; a longer password matches nothing. */
const MAX_PASSWORD = 1024
const HASH_BYTES = 32

/** Hashes a password under a fresh salt. */
export async function hashPassword(password: string, cost: ScryptCost = DEFAULT_COST): Promise<string> {
  const salt = randomBytes(16)
  return format({ cost, salt, hash: await derive(password, salt, HASH_BYTES, cost) })
}

/** Whether the string is a hash that `PasswordVerifier` can compare with. */
export function isPasswordHash(text: string): boolean {
  return parse(text) !== undefined
}

export interface VerifierLimits {
  /** Hashes computed at the same time: fewer than libuv's threads, which file work needs too. */
  readonly running: number
  /** Logins that may wait for their turn. */
  readonly waiting: number
}

/** Compares passwords, a few at a time. */
export class PasswordVerifier {
  private readonly limits: VerifierLimits
  private readonly queue: (() => void)[] = []
  private running = 0
  /** No password is known to match it. */
  private readonly nobody = format({ cost: DEFAULT_COST, salt: randomBytes(16), hash: randomBytes(HASH_BYTES) })

  constructor(limits: VerifierLimits = { running: 2, waiting: 256 }) {
    this.limits = limits
  }

  /**
   * Whether the password is the one that was hashed. `stored` undefined stands for an unknown user: never true, after the same work,
   * so that the time of the answer does not tell who exists. Rejects with PecError 'directory', temporary, if too many wait already.
   */
  async verify(password: string, stored: string | undefined): Promise<boolean> {
    const known = parse(stored ?? this.nobody)
    if (known === undefined) throw new PecError('directory', 'a stored password is no scrypt hash')
    if (password === '' || Buffer.byteLength(password) > MAX_PASSWORD) return false
    await this.enter()
    try {
      const found = await derive(password, known.salt, known.hash.length, known.cost)
      return timingSafeEqual(found, known.hash) && stored !== undefined
    } finally {
      this.leave()
    }
  }

  private async enter(): Promise<void> {
    if (this.running < this.limits.running) {
      this.running += 1
      return
    }
    if (this.queue.length >= this.limits.waiting)
      throw new PecError('directory', 'too many logins at a time', { temporary: true })
    await new Promise<void>((resolve) => this.queue.push(resolve))
  }

  /** The place goes straight to whoever waits longest. */
  private leave(): void {
    const next = this.queue.shift()
    if (next === undefined) this.running -= 1
    else next()
  }
}

function derive(password: string, salt: Buffer, length: number, cost: ScryptCost): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // The same password typed on two systems may come composed or decomposed.
    scrypt(password.normalize('NFKC'), salt, length, { ...cost, maxmem: 2 * MAX_MEMORY }, (error, hash) => {
      if (error === null) resolve(hash)
      else reject(new PecError('directory', 'scrypt failed', { temporary: true, cause: error }))
    })
  })
}

function format({ cost, salt, hash }: ScryptHash): string {
  return `scrypt$N=${cost.N},r=${cost.r},p=${cost.p}$${salt.toString('base64')}$${hash.toString('base64')}`
}

function parse(text: string): ScryptHash | undefined {
  const match = FORM.exec(text)
  if (match === null) return undefined
  const [, N = '', r = '', p = '', salt = '', hash = ''] = match
  const cost = { N: Number(N), r: Number(r), p: Number(p) }
  const powerOfTwo = cost.N > 1 && (cost.N & (cost.N - 1)) === 0
  if (!powerOfTwo || cost.r < 1 || cost.p < 1 || cost.p > 16 || 128 * cost.N * cost.r > MAX_MEMORY) return undefined
  return { cost, salt: Buffer.from(salt, 'base64'), hash: Buffer.from(hash, 'base64') }
}
