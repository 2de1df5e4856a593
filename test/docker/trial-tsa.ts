/** The time-stamping authority of docker/tsa, without its container. */
import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { takesConnections } from '../../src/lab/instance.js'
import { freePort } from '../../src/lab/ports.js'
import { within } from '../../src/lab/within.js'

const PROGRAM = join(__dirname, '..', '..', 'docker', 'tsa', 'server.mjs')

export class TrialTsa {
  readonly url: string
  /** Its authority, PEM. */
  readonly anchors: string
  private readonly directory: string
  private readonly port: number
  private child: ChildProcess | undefined

  private constructor(directory: string, port: number) {
    this.directory = directory
    this.port = port
    this.url = `http://127.0.0.1:${port}/`
    this.anchors = join(directory, 'authority.pem')
  }

  static async start(directory: string): Promise<TrialTsa> {
    const tsa = new TrialTsa(directory, await freePort())
    await tsa.start()
    return tsa
  }

  async start(): Promise<void> {
    const env = { ...process.env, TSA_DIR: this.directory, TSA_PORT: String(this.port), TSA_HOST: '127.0.0.1' }
    this.child = spawn(process.execPath, [PROGRAM], { env, stdio: 'ignore' })
    await within(30_000, 'no time-stamping authority', () => takesConnections(this.port))
  }

  stop(): void {
    this.child?.kill('SIGKILL')
  }
}
