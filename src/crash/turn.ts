/** Setups that take turns: while the queues of one become empty, the processes of the next are killed. */
export class Turn {
  private last: Promise<void> = Promise.resolve()

  /** Resolves, in the order of the calls, with what ends the turn; ended twice is ended. */
  async take(): Promise<() => void> {
    const before = this.last
    let end: () => void = () => undefined
    this.last = new Promise((resolve) => (end = resolve))
    await before
    return end
  }
}
