/**
 * The gateway as an operator sets it up and others see it: an instance made by `pec init`, running on the compiled package as
 * processes of its own. Its users submit to it, other hosts bring it mail, and its mailboxes are looked into.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { setKeys, type Values } from '../../src/cli/settings.js'
import { addMailbox } from '../../src/directory/directory-edit.js'
import { harakaCommand, workersListening, type Instance } from '../../src/lab/instance.js'
import { freePorts } from '../../src/lab/ports.js'
import type { SmtpClient, Transcript } from '../../src/lab/smtp-client.js'
import { within } from '../../src/lab/within.js'
import type { SqlLedger } from '../../src/ledger/ledger.js'
import { openLedger } from '../../src/ledger/sqlite.js'
import type { Laboratory } from '../harness/laboratory.js'
import { isOf, readLetter, type Letter } from './letter.js'

export const PROGRAM = join(__dirname, '..', '..', 'dist', 'src', 'cli', 'pec.js')
/** Of all mailboxes. */
export const PASSWORD = 'segreto'
/** A hash that costs next to nothing: what passwords cost is tested elsewhere. */
const COST = { N: 1024, r: 1, p: 1 }
/** The longest that anything may take on a machine with other work. */
const PATIENCE_MS = 30_000

/** Paths of PEM files and of the index, as `pec init` takes them. */
export interface Keys {
  readonly key: string
  readonly cert: string
  readonly trust: string
  readonly crl: string
  readonly index?: string
}

export interface GatewayPlan {
  readonly name?: string
  readonly domain?: string
  /** A test key is made if left out. */
  readonly keys?: Keys
  /** An index of providers (LDIF), for a test key. */
  readonly index?: string
  /** More of the processes' environment. */
  readonly environment?: Readonly<Record<string, string>>
  readonly mailboxes: readonly string[]
  /** Worker processes; one by default. */
  readonly workers?: number
  /** Ports on loopback, by domain. */
  readonly routes?: Readonly<Record<string, number>>
  /** More of pec.ini. */
  readonly settings?: Values
  /** More of outbound.ini. */
  readonly outbound?: Readonly<Record<string, string>>
  /** More of rspamd.ini. */
  readonly rspamd?: Readonly<Record<string, string>>
  /** What else is done to the instance before it starts. */
  readonly prepare?: (directory: string) => Promise<void>
  /** A mailbox store of the test's own, on this port, in place of the embedded one. */
  readonly storePort?: number
  /** A shell's commands around its start, which is `"$@"`. */
  readonly shell?: string
}

export interface Envelope {
  readonly from: string
  readonly to: readonly string[]
}

export class TestGateway {
  readonly directory: string
  readonly mxPort: number
  readonly submissionPort: number
  readonly ledger: SqlLedger
  /** The one running now, or the last. */
  instance: Instance
  private readonly lab: Laboratory
  private readonly plan: GatewayPlan
  private readonly ports: Ports

  private constructor(
    lab: Laboratory,
    plan: GatewayPlan,
    directory: string,
    ports: Ports,
    instance: Instance,
    ledger: SqlLedger,
  ) {
    this.lab = lab
    this.plan = plan
    this.ports = ports
    this.directory = directory
    this.submissionPort = ports.submission
    this.mxPort = ports.mx
    this.instance = instance
    this.ledger = ledger
  }

  /** Makes it and starts it. It ends with the test. */
  static async open(lab: Laboratory, plan: GatewayPlan, ports?: Ports): Promise<TestGateway> {
    assert.ok(existsSync(PROGRAM), 'the package is not built: npm run build')
    const directory = join(await lab.directory(), 'gateway')
    const chosen = ports ?? (await choosePorts())
    await init(directory, plan, chosen)
    await plan.prepare?.(directory)
    return TestGateway.start(lab, plan, directory, chosen)
  }

  /** The same on another directory, such as a restored backup; this one must have been stopped. */
  takenOver(directory: string): Promise<TestGateway> {
    return TestGateway.start(this.lab, this.plan, directory, this.ports)
  }

  /** Starts it again, once it has ended. */
  async restart(): Promise<void> {
    this.instance = await run(this.lab, this.plan, this.directory, this.ports)
  }

  private static async start(lab: Laboratory, plan: GatewayPlan, directory: string, ports: Ports): Promise<TestGateway> {
    const instance = await run(lab, plan, directory, ports)
    const ledger = await openLedger(join(directory, 'ledger', 'pec.sqlite'))
    lab.atClose(() => ledger.close())
    return new TestGateway(lab, plan, directory, ports, instance, ledger)
  }

  /** A session of one of its users, over TLS and authenticated. */
  async session(user: string, password = PASSWORD): Promise<SmtpClient> {
    const client = await this.lab.client({ port: this.submissionPort, implicitTls: true })
    await client.ehlo()
    assert.equal((await client.authPlain(user, password)).code, 235)
    return client
  }

  /** What it says to a message of a user of its. */
  async submit(user: string, to: readonly string[], message: Buffer): Promise<Transcript> {
    const client = await this.session(user)
    const transcript = await client.send({ from: user, to }, message)
    client.destroy()
    return transcript
  }

  /** The identifier under which it takes a message, or refuses it with a notice. */
  async submitted(user: string, to: readonly string[], message: Buffer): Promise<string> {
    const { dot, ...before } = await this.submit(user, to, message)
    const identifier = /(\S+@\S+)/.exec(dot?.lines.join(' ') ?? '')?.[1]
    assert.equal(dot?.code, 250, JSON.stringify({ ...before, dot }))
    assert.ok(identifier !== undefined)
    return identifier
  }

  /** What it says to a message that another host brings, over STARTTLS. */
  async bring(envelope: Envelope, message: Buffer): Promise<Transcript> {
    const client = await this.lab.client({ port: this.mxPort, patienceMs: PATIENCE_MS })
    await client.ehlo('mx.peer.test')
    assert.equal((await client.startTls()).code, 220)
    await client.ehlo('mx.peer.test')
    const transcript = await client.send(envelope, message)
    client.destroy()
    return transcript
  }

  /** All that its embedded store has put into a mailbox, in no order. */
  async letters(address: string): Promise<Letter[]> {
    const [user = '', domain = ''] = address.split('@')
    const folder = join(this.directory, 'mail', domain, user, 'Maildir', 'new')
    const names = await readdir(folder).catch(() => [])
    return Promise.all(names.map((name) => readLetter(join(folder, name))))
  }

  /** The same, once there are so many that fit. */
  async waitForLetters(address: string, count: number, fits: (letter: Letter) => boolean = () => true): Promise<Letter[]> {
    let found: Letter[] = []
    await this.until(`${count} letters for ${address}`, async () => {
      found = (await this.letters(address)).filter(fits)
      return found.length >= count
    })
    assert.equal(found.length, count, `more letters for ${address} than ${count}`)
    return found
  }

  /** Waits until a message between two of its mailboxes is delivered, with one envelope and one receipt of each kind. */
  async exchanged(identifier: string, from: string, to: string): Promise<void> {
    await this.waitForLetters(to, 1, isOf('transport', identifier))
    for (const kind of ['acceptance', 'delivery'] as const) await this.waitForLetters(from, 1, isOf(kind, identifier))
    assert.equal(await this.outcomeOf(identifier, to), 'delivered')
  }

  /** Waits until its queue holds as many messages, none by default. */
  async quiet(left = 0): Promise<void> {
    await this.until('the queue to be empty', async () => (await this.queued()).length === left)
  }

  async queued(): Promise<string[]> {
    return (await readdir(join(this.directory, 'queue'))).filter((name) => !name.startsWith('__tmp__'))
  }

  /** How a certified recipient ended; undefined while it is open. */
  async outcomeOf(identifier: string, address: string): Promise<string | undefined> {
    const message = await this.ledger.message(identifier)
    const state = message?.recipients.find((recipient) => recipient.address === address)
    assert.ok(state !== undefined, `${identifier} has no recipient ${address}`)
    return state.outcome
  }

  /** Waits for something of its doing; what it logged tells why it did not come. */
  async until(what: string, done: () => boolean | Promise<boolean>, waitMs = PATIENCE_MS): Promise<void> {
    try {
      await within(waitMs, `no ${what}`, done)
    } catch (error) {
      throw new Error(`${String(error)}\n${this.instance.log.slice(-6000)}`, { cause: error })
    }
  }
}

export interface Ports {
  readonly submission: number
  readonly starttls: number
  readonly mx: number
  readonly store: number
}

export async function choosePorts(): Promise<Ports> {
  const [submission = 0, starttls = 0, mx = 0, store = 0] = await freePorts(4)
  return { submission, starttls, mx, store }
}

function run(lab: Laboratory, plan: GatewayPlan, directory: string, ports: Ports): Promise<Instance> {
  const { workers, environment, shell, storePort } = plan
  const { submission, starttls, mx, store } = ports
  return lab.instance({
    ...{ directory, ports: [submission, starttls, mx, ...(storePort === undefined ? [store] : [])], startMs: 60_000 },
    readyLines: [/ready for mail/, ...workersListening(workers ?? 0)],
    ...(environment === undefined ? {} : { environment }),
    ...(shell === undefined ? {} : { command: ['sh', '-c', shell, 'sh', ...harakaCommand(directory)] }),
  })
}

async function init(directory: string, plan: GatewayPlan, ports: Ports): Promise<void> {
  const { name = 'Gestore A S.p.A.', domain = 'pec-a.test', keys, mailboxes, routes = {}, storePort } = plan
  const options = {
    ...{ name, domain, listen: '127.0.0.1', antivirus: 'none', ...keys },
    ...(plan.index === undefined ? {} : { index: plan.index }),
    ...{ 'submission-port': ports.submission, 'starttls-port': ports.starttls, 'mx-port': ports.mx },
    'store-port': storePort ?? ports.store,
  }
  const pairs = Object.entries(options).flatMap(([option, value]) => [`--${option}`, String(value)])
  await promisify(execFile)(process.execPath, [PROGRAM, 'init', directory, ...pairs])
  for (const address of mailboxes)
    await addMailbox(join(directory, 'directory.json'), { address, password: PASSWORD, cost: COST })
  const config = join(directory, 'config')
  await setKeys(join(config, 'pec.ini'), {
    routes: Object.fromEntries(Object.entries(routes).map(([to, port]) => [to, `127.0.0.1:${port}`])),
    ...(storePort === undefined ? {} : { store: { lmtp: `127.0.0.1:${storePort}`, embedded: 'false' } }),
  })
  for (const [section, values] of Object.entries(plan.settings ?? {}))
    await setKeys(join(config, 'pec.ini'), { [section]: values })
  // A message that finds nobody is tried again soon, and given up before a test would be.
  await setKeys(join(config, 'rspamd.ini'), { main: { ...plan.rspamd } })
  if (plan.workers !== undefined) await setKeys(join(config, 'smtp.ini'), { main: { nodes: String(plan.workers) } })
  await setKeys(join(config, 'outbound.ini'), { main: { temp_fail_intervals: '5s*3', ...plan.outbound } })
}
