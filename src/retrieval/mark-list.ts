/** Marks of a day, each kept once: a day of a large provider has more of them than a Set can hold, and they take four bytes here. */
export class MarkList {
  private marks = new Uint32Array(4096)
  private size = 0

  add(mark: number): void {
    if (this.size === this.marks.length) this.makeRoom()
    this.marks[this.size++] = mark
  }

  /** In order; until the next one is added. */
  sorted(): Uint32Array {
    let kept = 0
    const given = this.marks.subarray(0, this.size).sort()
    for (const mark of given) if (kept === 0 || given[kept - 1] !== mark) given[kept++] = mark
    this.size = kept
    return given.subarray(0, kept)
  }

  private makeRoom(): void {
    const kept = this.sorted()
    if (kept.length <= this.marks.length / 2) return
    this.marks = new Uint32Array(this.marks.length * 2)
    this.marks.set(kept)
  }
}
