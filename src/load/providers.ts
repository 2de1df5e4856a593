/** Two providers that write to each other on loopback: gateways measured from within, and one mailbox store that takes everything. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { constants, setPriority, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ExchangeLog } from '../bench/exchange.js'
import { startMailboxStore } from '../bench/mailbox-store.js'
import { LOG_INI } from '../bench/system.js'
import { readInstance } from '../cli/instance.js'
import { setKeys } from '../cli/settings.js'
import { Authority } from '../demo/authority.js'
import { DemoProvider } from '../demo/provider.js'
import { formatDirectory } from '../directory/directory-contents.js'
import { readDirectoryFile } from '../directory/file-directory.js'
import { reasonOf } from '../errors.js'
import { startInstance, workersListening, type Instance } from '../lab/instance.js'
import { freePorts } from '../lab/ports.js'
import { connectClient, type SmtpClient } from '../lab/smtp-client.js'
import { METER_VARIABLE, NAME_VARIABLE, processesDuring, READING_MS, type ProcessFigures } from './readings.js'

export interface ProvidersPlan {
  readonly workers: number
  readonly connections: number
  /** Mailboxes of the provider that is written to. */
  readonly mailboxes: number
}

const SENDER = 'sender@pec-a.test'
const NEIGHBOUR = 'recipient@pec-a.test'
const PASSWORD = 'load-password'

/** The providers up and running. */
export class Providers {
  readonly sender = SENDER
  /** A mailbox of the sender's own provider. */
  readonly neighbour = NEIGHBOUR
  readonly log: ExchangeLog
  /** Logged in for the sender. */
  readonly sessions: readonly SmtpClient[]
  private readonly readings: string

  constructor(log: ExchangeLog, sessions: readonly SmtpClient[], readings: string) {
    this.log = log
    this.sessions = sessions
    this.readings = readings
  }

  /** A mailbox of the other provider, counted from 0. */
  readonly peer = (number: number): string => `user${number}@pec-b.test`

  /** Does something, and tells what the gateways' processes did meanwhile. */
  readonly watch = async (work: () => Promise<void>): Promise<readonly ProcessFigures[]> => {
    const from = Date.now()
    await work()
    await sleep(READING_MS * 1.5) // the last reading is about the end of the work
    return processesDuring(this.readings, from, Date.now())
  }
}

/** Starts them in a temporary directory, uses them, and ends and removes everything whatever happens. */
export async function withProviders<T>(
  plan: ProvidersPlan,
  log: ExchangeLog,
  use: (providers: Providers) => Promise<T>,
): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'pec-load-'))
  const readings = join(directory, 'readings')
  await mkdir(readings)
  const store = await startMailboxStore(log)
  const instances: Instance[] = []
  const sessions: SmtpClient[] = []
  try {
    const [a, b] = await Promise.all(await pair(directory, plan, store.port))
    await writePeers(b, plan.mailboxes)
    await introduce(a, b, directory)
    for (const provider of [a, b]) instances.push(await start(provider, plan.workers, readings))
    // Clients and mailbox store, in this process, stand for other machines: they leave the processors to the gateways.
    setPriority(constants.priority.PRIORITY_BELOW_NORMAL)
    for (let count = 0; count < plan.connections; count++) sessions.push(await logIn(a.plan.ports.submission))
    return await use(new Providers(log, sessions, readings))
  } catch (error) {
    throw new Error([reasonOf(error), ...instances.map((instance) => instance.log.slice(-2000))].join('\n'), { cause: error })
  } finally {
    for (const session of sessions) session.destroy()
    await Promise.all(instances.map((instance) => instance.stop()))
    await store.close()
    await rm(directory, { recursive: true, force: true })
  }
}

async function pair(
  directory: string,
  plan: ProvidersPlan,
  storePort: number,
): Promise<[Promise<DemoProvider>, Promise<DemoProvider>]> {
  const authority = await Authority.open(join(directory, 'authority'))
  return [init('A', directory, authority, plan, storePort), init('B', directory, authority, plan, storePort)]
}

async function init(
  name: string,
  parent: string,
  authority: Authority,
  { workers }: ProvidersPlan,
  storePort: number,
): Promise<DemoProvider> {
  const [submission = 0, starttls = 0, mx = 0] = await freePorts(3)
  const directory = join(parent, name)
  const ports = { submission, starttls, mx, store: storePort }
  const own = { name: `Provider ${name}`, domain: `pec-${name.toLowerCase()}.test`, directory, ports }
  const provider = await DemoProvider.init(own, authority, new AbortController().signal)
  const addresses = name === 'A' ? [SENDER, NEIGHBOUR] : ['user0@pec-b.test']
  for (const address of addresses) await provider.addMailbox(address, PASSWORD)
  await provider.configure({ store: { embedded: 'false' } })
  await setKeys(join(directory, 'config', 'smtp.ini'), { main: { nodes: String(workers) } })
  await writeFile(join(directory, 'config', 'log.ini'), LOG_INI)
  return provider
}

/** More mailboxes like its first one: nobody logs in there, and each password would take its time. */
async function writePeers({ plan }: DemoProvider, count: number): Promise<void> {
  const { file } = readInstance(plan.directory).directory
  const { contents } = readDirectoryFile(file)
  const [first] = contents.mailboxes.values()
  if (first === undefined) throw new Error('the provider has no mailbox')
  const addresses = Array.from({ length: count }, (_, number) => `user${number}@${plan.domain}`)
  const mailboxes = new Map(addresses.map((address) => [address, { ...first, address }]))
  await writeFile(file, formatDirectory({ ...contents, mailboxes }))
}

/** Each gets the other's record, and a route in place of the DNS. */
async function introduce(a: DemoProvider, b: DemoProvider, directory: string): Promise<void> {
  for (const provider of [a, b]) await provider.exportRecord(join(directory, `${provider.plan.domain}.ldif`))
  for (const [provider, other] of [
    [a, b],
    [b, a],
  ] as const) {
    await provider.importRecord(join(directory, `${other.plan.domain}.ldif`))
    await provider.addRoute(other.plan.domain, other.plan.ports.mx)
  }
}

function start({ plan: { name, directory, ports } }: DemoProvider, workers: number, readings: string): Promise<Instance> {
  return startInstance({
    directory,
    ports: [ports.submission, ports.mx],
    readyLines: workersListening(workers),
    startMs: 60_000,
    session: 'shared',
    environment: {
      NODE_OPTIONS: `--require=${join(__dirname, 'meter.js')}`,
      [METER_VARIABLE]: readings,
      [NAME_VARIABLE]: name.slice(-1),
    },
  })
}

async function logIn(port: number): Promise<SmtpClient> {
  const client = await connectClient({ port, implicitTls: true, patienceMs: 120_000 })
  await client.ehlo()
  const { code, lines } = await client.authPlain(SENDER, PASSWORD)
  if (code !== 235) throw new Error(`cannot log in: ${code} ${lines.join(' ')}`)
  return client
}
