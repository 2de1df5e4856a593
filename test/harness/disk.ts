/** A small disk of its own, which can be full, for folders of a test. It takes root to mount one. */
import { execFileSync } from 'node:child_process'
import { mkdir, rm, statfs, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Laboratory } from './laboratory.js'

/** For the option `skip` of a test. */
export const mountIsMissing = process.getuid?.() === 0 ? false : 'only root may mount a disk'

export class TestDisk {
  readonly path: string

  private constructor(path: string) {
    this.path = path
  }

  /** Until the test ends. `megabytes` is its size. */
  static async mount(lab: Laboratory, path: string, megabytes: number): Promise<TestDisk> {
    await mkdir(path)
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=700`, 'tmpfs', path])
    lab.atClose(() => execFileSync('umount', ['--lazy', path]))
    return new TestDisk(path)
  }

  /** Puts folders of an instance that are still empty on it. */
  async carry(directory: string, ...folders: readonly string[]): Promise<this> {
    for (const folder of folders) {
      await rm(join(directory, folder), { recursive: true, force: true })
      await mkdir(join(this.path, folder), { mode: 0o700 })
      await symlink(join(this.path, folder), join(directory, folder))
    }
    return this
  }

  /** Leaves so many bytes, and not one more, in whole pages. */
  async fill(left = 0): Promise<void> {
    const { bavail, bsize } = await statfs(this.path)
    await writeFile(this.ballast, Buffer.alloc(Math.max(0, bavail * bsize - left)))
  }

  async free(): Promise<void> {
    await rm(this.ballast, { force: true })
  }

  private get ballast(): string {
    return join(this.path, '.ballast')
  }
}
