/** Providers with everything that their points need, in memory: a real ledger, and a queue that only takes note. */
import { createPrivateKey } from 'node:crypto'
import { PecError } from '../../src/errors.js'
import { openLedger } from '../../src/ledger/sqlite.js'
import type { SqlLedger } from '../../src/ledger/ledger.js'
import { domainOf } from '../../src/mail/address.js'
import { fromBuffer, readAll, type Source } from '../../src/mail/source.js'
import type { BriefSettings } from '../../src/pec/brief.js'
import type { CertificationData } from '../../src/pec/certification.js'
import type { Issuer } from '../../src/pec/signed-message.js'
import type { NoticeSettings } from '../../src/points/arrival-notices.js'
import type { FormalLimits } from '../../src/points/formal-checks.js'
import { judge, type Judgement } from '../../src/points/judge.js'
import type { Dispatch, Directory, Mailbox, Outbox, Prepared, ProviderRecord } from '../../src/points/ports.js'
import type { ReceptionHouse } from '../../src/points/reception.js'
import { indexRecords } from '../../src/providers/provider-index.js'
import { certificateHash } from '../../src/providers/record.js'
import { issueAuthority, issueProviderCertificate, type KeyAndCertificate } from '../../src/smime/issue.js'
import { readPem } from '../../src/smime/pem.js'
import { createSigner } from '../../src/smime/signer.js'
import { TrustStore } from '../../src/smime/trust.js'
import { TestAntivirus, TestQuarantine } from './scanning.js'

export const NOON = new Date('2026-03-02T12:00:00Z')

export function after(minutes: number): Date {
  return new Date(NOON.getTime() + minutes * 60_000)
}

export const crlf = (text: string): Buffer => Buffer.from(text.replace(/\r?\n/g, '\r\n'), 'utf8')

/** A provider of the index, with its key. */
export interface TestProvider {
  readonly issuer: Issuer
  readonly record: ProviderRecord
}

/** Providers whose certificates one authority issued, in one index. */
export interface World {
  readonly a: TestProvider
  readonly b: TestProvider
  readonly c: TestProvider
  /** Not in the index, but certified by the same authority. */
  readonly outsider: TestProvider
  readonly index: ReceptionHouse['index']
  readonly trust: TrustStore
  /** Trusts nobody's certificate. */
  readonly distrust: TrustStore
}

export async function makeWorld(): Promise<World> {
  const from = new Date('2026-01-01T00:00:00Z')
  const authority = await issueAuthority({ name: 'Prova CA', keyKind: 'p-256', from })
  const other = await issueAuthority({ name: 'Altra CA', keyKind: 'p-256', from })
  const provider = async (name: string, ...domains: readonly [string, ...string[]]): Promise<TestProvider> => {
    const address = `posta-certificata@${domains[0]}`
    const certified = await issueProviderCertificate({ authority, providerName: name, address, keyKind: 'p-256', from })
    return providerOf(name, address, certified, domains)
  }
  const [a, b, c, outsider] = await Promise.all([
    provider('Gestore A S.p.A.', 'pec-a.test', 'cliente.test'),
    provider('Gestore B S.p.A.', 'pec-b.test', 'comune.test'),
    provider('Gestore C S.p.A.', 'pec-c.test'),
    provider('Estraneo S.r.l.', 'estraneo.test'),
  ])
  const trustIn = (anchor: KeyAndCertificate): TrustStore =>
    new TrustStore({ anchors: [derOf(anchor)], crls: undefined, crlRequired: false })
  const index = indexRecords([a.record, b.record, c.record])
  return { a, b, c, outsider, index, trust: trustIn(authority), distrust: trustIn(other) }
}

function derOf({ certificate }: KeyAndCertificate): Buffer {
  const [der] = readPem(Buffer.from(certificate), 'CERTIFICATE')
  if (der === undefined) throw new Error('no certificate')
  return der
}

function providerOf(name: string, address: string, certified: KeyAndCertificate, domains: readonly string[]): TestProvider {
  const certificate = derOf(certified)
  const domain = domainOf(address)
  const issuer = { name, address, domain, signer: createSigner(createPrivateKey(certified.key), certificate, []) }
  const record = {
    ...{ name, unit: undefined, certificates: [certificate], certificateHashes: new Set([certificateHash(certificate)]) },
    ...{ mailReceipt: `ricevute@${domain}`, managedDomains: new Set(domains) },
  }
  return { issuer, record }
}

/** What a step put into the queue, and what became of it. */
export interface Batch {
  readonly step: string
  readonly dispatches: readonly Dispatch[]
  state: 'prepared' | 'released' | 'dropped' | 'left to the ledger'
}

export class TestOutbox implements Outbox {
  readonly batches: Batch[] = []
  /** Called before anything is taken; may throw. */
  onPrepare: () => void = () => undefined

  async prepare(step: string, dispatches: readonly Dispatch[]): Promise<Prepared> {
    await Promise.resolve()
    this.onPrepare()
    const batch: Batch = { step, dispatches, state: 'prepared' }
    this.batches.push(batch)
    return {
      release: () => void (batch.state = 'released'),
      drop: () => void (batch.state = 'dropped'),
      leaveToLedger: () => void (batch.state = 'left to the ledger'),
    }
  }

  /** All that may leave, in order. */
  get released(): readonly Dispatch[] {
    return this.batches.filter(({ state }) => state === 'released').flatMap(({ dispatches }) => dispatches)
  }

  /** Takes what may leave out of the queue. */
  take(): readonly Dispatch[] {
    const { released } = this
    this.batches.length = 0
    return released
  }
}

export interface TestHouse extends ReceptionHouse {
  readonly ledger: SqlLedger
  readonly outbox: TestOutbox
  readonly antivirus: TestAntivirus
  readonly quarantine: TestQuarantine
  readonly limits: FormalLimits
  readonly briefHash: BriefSettings
  readonly peerRefusal: 'notice' | 'wait'
  readonly notices: NoticeSettings
  /** What the clock tells from now on. */
  now: Date
}

export interface HouseParts {
  readonly ordinaryMail?: ReceptionHouse['ordinaryMail']
  readonly limits?: FormalLimits
  readonly mailboxes?: readonly string[]
}

/** The house of one of the providers. Its clock stands still. */
export async function houseOf(world: World, { issuer, record }: TestProvider, parts: HouseParts = {}): Promise<TestHouse> {
  const house: TestHouse = {
    issuer,
    receipts: record.mailReceipt,
    directory: directoryOf(record.managedDomains, parts.mailboxes ?? []),
    index: world.index,
    trust: world.trust,
    ledger: await openLedger(':memory:'),
    outbox: new TestOutbox(),
    antivirus: new TestAntivirus(),
    quarantine: new TestQuarantine(),
    ordinaryMail: parts.ordinaryMail ?? 'accept',
    limits: parts.limits ?? { recipients: 1000, bytesTimesRecipients: 100_000_000 },
    briefHash: { input: 'encoded', algorithm: 'sha1' },
    peerRefusal: 'notice',
    notices: { from: `avvisi@${issuer.domain}`, mayGo: () => true },
    now: NOON,
    clock: () => house.now,
  }
  return house
}

function directoryOf(domains: ReadonlySet<string>, addresses: readonly string[]): Directory {
  const mailboxes = new Map<string, Mailbox>(addresses.map((address) => [address, { address, state: 'active' }]))
  return {
    managesDomain: (domain) => domains.has(domain.toLowerCase()),
    mailbox: (address) => Promise.resolve(mailboxes.get(address.toLowerCase())),
    ordinaryMail: () => Promise.resolve(undefined),
    authenticate: () => Promise.resolve(undefined),
  }
}

/** What another provider makes of a message, as of noon. */
export function judged(message: Source, { index, trust }: Pick<World, 'index' | 'trust'>): Promise<Judgement> {
  return judge(message, NOON, index, trust)
}

/** The certification data of a receipt or notice, which must be right. */
export async function receiptIn(message: Source, world: World): Promise<CertificationData> {
  const judgement = await judged(message, world)
  if (judgement.verdict !== 'receipt') throw new Error(`not a receipt: ${JSON.stringify(judgement)}`)
  return judgement.data
}

export async function textOf(message: Source): Promise<string> {
  return (await readAll(message)).toString('latin1')
}

/** The message with some of its bytes, which must be there, replaced by as many others. */
export async function altered(message: Source, from: string, to: string): Promise<Source> {
  const text = await textOf(message)
  if (!text.includes(from)) throw new Error(`no ${from} in the message`)
  return fromBuffer(Buffer.from(text.replace(from, to), 'latin1'))
}

export const LEDGER_AWAY = new PecError('ledger', 'away', { temporary: true })
