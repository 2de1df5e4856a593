/** The loopback laboratory bound to the life of one test: what it opens is closed, in reverse order, when the test ends. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { startInstance, type Instance, type InstanceOptions } from '../../src/lab/instance.js'
import { restartPlainHaraka, writePlainHaraka, type PlainOptions } from '../../src/lab/plain-haraka.js'
import { freePort } from '../../src/lab/ports.js'
import { startSink, type Sink, type SinkOptions } from '../../src/lab/sink.js'
import { connectClient, type ClientOptions, type SmtpClient } from '../../src/lab/smtp-client.js'

export interface PlainHaraka {
  readonly directory: string
  readonly port: number
  readonly instance: Instance
  /** Starts it again, after it was stopped or killed, with the queue it has. */
  restart(): Promise<Instance>
}

export class Laboratory {
  private readonly closings: (() => unknown)[] = []

  constructor(test: TestContext) {
    test.after(() => this.close())
  }

  /** A directory that goes with the test. */
  async directory(): Promise<string> {
    const path = await mkdtemp(join(tmpdir(), 'pec-lab-'))
    this.atClose(() => rm(path, { recursive: true, force: true }))
    return path
  }

  async sink(options: SinkOptions): Promise<Sink> {
    const sink = await startSink(options)
    this.atClose(() => sink.close())
    return sink
  }

  /** Starts Haraka on a directory that is complete. What the test leaves running is killed. */
  async instance(options: InstanceOptions): Promise<Instance> {
    const instance = await startInstance(options)
    this.atClose(() => instance.kill())
    return instance
  }

  /** Haraka without PEC in a directory of its own, on a free port. */
  async plainHaraka(options: Omit<PlainOptions, 'port'>): Promise<PlainHaraka> {
    const directory = await this.directory()
    const port = await freePort()
    const complete = { ...options, port }
    const start = async () => {
      const instance = await restartPlainHaraka(directory, complete)
      this.atClose(() => instance.kill())
      return instance
    }
    await writePlainHaraka(directory, complete)
    return { directory, port, instance: await start(), restart: start }
  }

  /** Connected, the greeting read. */
  async client(options: ClientOptions): Promise<SmtpClient> {
    const client = await connectClient(options)
    this.atClose(() => client.destroy())
    return client
  }

  /** Adds something to close. */
  atClose(closing: () => unknown): void {
    this.closings.push(closing)
  }

  private async close(): Promise<void> {
    for (const closing of this.closings.reverse()) await closing()
  }
}
