/** Tokens of SoftHSM2 in a directory of their own, with a key imported into each. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** The library, where Debian has it. */
export const SOFTHSM = '/usr/lib/softhsm/libsofthsm2.so'
export const PIN = '271828'

const run = promisify(execFile)

export class SoftHsm {
  /** For SOFTHSM2_CONF of the processes that use it. */
  readonly config: string
  private readonly directory: string
  private readonly folders = new Map<string, string>()

  private constructor(directory: string) {
    this.directory = directory
    this.config = join(directory, 'softhsm2.conf')
  }

  /** `mechanisms` as softhsm2.conf(5) writes them: all by default. */
  static async make(directory: string, mechanisms = 'ALL'): Promise<SoftHsm> {
    const hsm = new SoftHsm(directory)
    if (!existsSync(SOFTHSM)) throw new Error(`${SOFTHSM} is missing: install softhsm2`)
    await mkdir(join(directory, 'tokens'))
    await mkdir(join(directory, 'away'))
    const lines = [`directories.tokendir = ${join(directory, 'tokens')}`, `slots.mechanisms = ${mechanisms}`, 'log.level = ERROR']
    await writeFile(hsm.config, `${lines.join('\n')}\n`)
    return hsm
  }

  /** A token with a key (PEM, PKCS#8) under the label `pec` and the id 01, once for each key. */
  async addToken(label: string, ...keys: readonly string[]): Promise<void> {
    const before = await this.present()
    await this.util('--init-token', '--free', '--label', label, '--so-pin', '314159', '--pin', PIN)
    this.folders.set(label, (await this.present()).find((name) => !before.includes(name)) ?? '')
    for (const [at, key] of keys.entries()) {
      const file = join(this.directory, 'key.pem')
      await writeFile(file, key, { mode: 0o600 })
      const names = ['--label', at === 0 ? 'pec' : `other-${at}`, '--id', `0${at + 1}`]
      await this.util('--import', file, '--token', label, '--pin', PIN, ...names)
    }
  }

  /** The token fails from now on, as if its connection were cut. */
  async takeAway(label: string): Promise<void> {
    await rename(join(this.directory, 'tokens', this.folder(label)), join(this.directory, 'away', this.folder(label)))
  }

  async putBack(label: string): Promise<void> {
    await rename(join(this.directory, 'away', this.folder(label)), join(this.directory, 'tokens', this.folder(label)))
  }

  private folder(label: string): string {
    return this.folders.get(label) ?? label
  }

  private present(): Promise<string[]> {
    return readdir(join(this.directory, 'tokens'))
  }

  private async util(...args: readonly string[]): Promise<void> {
    await run('softhsm2-util', args, { env: { ...process.env, SOFTHSM2_CONF: this.config } })
  }
}
