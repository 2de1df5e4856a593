/**
 * Ends the process when one case never ends: a parser that loops without waiting cannot be stopped from its own thread. The input
 * is saved first, so that the case can be looked at.
 */
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'

/** Seconds that one case may take before the process is ended. */
const PATIENCE = 60
const ROOM = 1024 * 1024

// Plain JavaScript: it runs where nothing has been set up to read TypeScript.
const GUARD = `
const { workerData } = require('node:worker_threads')
const { writeFileSync, writeSync } = require('node:fs')
const { state, bytes, path, patience } = workerData
let seen = -1, looks = 0
setInterval(() => {
  const current = Atomics.load(state, 0)
  looks = current === seen && current % 2 === 1 ? looks + 1 : 0
  seen = current
  if (looks < patience) return
  writeFileSync(path, Buffer.from(bytes.buffer).subarray(0, Atomics.load(state, 1)))
  writeSync(2, 'a case has not ended in ' + patience + ' s; its input is in ' + path + '\\n')
  process.kill(process.pid, 'SIGKILL')
}, 1000)
`

export class Watchdog {
  private readonly state = new Int32Array(new SharedArrayBuffer(8))
  private readonly bytes = new Uint8Array(new SharedArrayBuffer(ROOM))
  private readonly worker: Worker

  constructor(name: string) {
    const path = join(tmpdir(), `fuzz-hang-${name}-${process.pid}.bin`)
    const workerData = { state: this.state, bytes: this.bytes, path, patience: PATIENCE }
    this.worker = new Worker(GUARD, { eval: true, workerData, execArgv: [] })
    this.worker.unref()
  }

  begin(input: Buffer): void {
    const kept = input.subarray(0, ROOM)
    this.bytes.set(kept)
    Atomics.store(this.state, 1, kept.length)
    Atomics.add(this.state, 0, 1)
  }

  end(): void {
    Atomics.add(this.state, 0, 1)
  }

  async stop(): Promise<void> {
    await this.worker.terminate()
  }
}
