/** A moving view of a Source, for readers that go through it piece by piece: what lies close together is read once. */
import type { Source } from './source.js'

const BLOCK = 256 * 1024
// A Source up to this size is read whole, at the first access.
const SMALL = 1024 * 1024

export class Window {
  private readonly source: Source
  private block: Buffer = Buffer.alloc(0)
  private start = 0

  constructor(source: Source) {
    this.source = source
  }

  /** The bytes from start to end, which must be few; valid only until the next call. */
  async read(start: number, end: number): Promise<Buffer> {
    return (await this.view(start, end, end - start)).subarray(0, end - start)
  }

  /** Bytes from start on, not beyond end: `needed` of them or what there is, and more if they are at hand. */
  async view(start: number, end: number, needed: number): Promise<Buffer> {
    const last = Math.min(start + needed, end)
    if (start < this.start || last > this.start + this.block.length) await this.load(start, last)
    return this.block.subarray(start - this.start, end - this.start)
  }

  /** Where `needle` first stands whole between from and to, or -1. */
  async indexOf(needle: Buffer, from: number, to: number): Promise<number> {
    for (let at = from; at + needle.length <= to;) {
      const view = await this.view(at, to, needle.length)
      const found = view.indexOf(needle)
      if (found !== -1) return at + found
      at += view.length - needle.length + 1
    }
    return -1
  }

  private async load(start: number, end: number): Promise<void> {
    const { size } = this.source
    this.start = size <= SMALL ? 0 : start
    this.block = await this.source.read(this.start, size <= SMALL ? size : Math.min(size, Math.max(end, start + BLOCK)))
  }
}
