/** An antivirus that answers as told, and a quarantine in memory. */
import { createHash } from 'node:crypto'
import { PecError } from '../../src/errors.js'
import { readAll, type Source } from '../../src/mail/source.js'
import type { Antivirus, KeptFile, Quarantine, ScanVerdict } from '../../src/points/ports.js'

export class TestAntivirus implements Antivirus {
  /** What was given to it, in order. */
  readonly scanned: Buffer[] = []
  /** Whatever holds this is infected. */
  virus = 'no message holds this'
  isAway = false

  async scan(message: Source): Promise<ScanVerdict> {
    const bytes = await readAll(message)
    this.scanned.push(bytes)
    if (this.isAway) throw new PecError('antivirus', 'away', { temporary: true })
    return bytes.includes(this.virus) ? { verdict: 'infected', name: 'Test.Virus-1' } : { verdict: 'clean' }
  }
}

export class TestQuarantine implements Quarantine {
  readonly files = new Map<string, Buffer>()
  isFull = false
  private count = 0

  async keep(message: Source, since: Date): Promise<KeptFile> {
    if (this.isFull) throw new PecError('quarantine', 'full', { temporary: true })
    const id = `file-${++this.count}`
    const bytes = await readAll(message)
    this.files.set(id, bytes)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    return { id, sha256, size: bytes.length, until: new Date(since.getTime() + 913 * 86_400_000) }
  }

  discard({ id }: KeptFile): Promise<void> {
    this.files.delete(id)
    return Promise.resolve()
  }
}
