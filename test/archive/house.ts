/** An archive of a test's own: a register on SQLite, a provider's key of a test authority, a time-stamping authority. */
import { mkdir, writeFile } from 'node:fs/promises'
import { createPrivateKey } from 'node:crypto'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { ArchiveHouse } from '../../src/archive/house.js'
import type { ArchiveTrust, DayReport } from '../../src/archive/verify.js'
import { verifyArchive } from '../../src/archive/verify.js'
import type { SqlLedger } from '../../src/ledger/ledger.js'
import { openLedger } from '../../src/ledger/sqlite.js'
import { issueAuthority, issueProviderCertificate } from '../../src/smime/issue.js'
import { readPem } from '../../src/smime/pem.js'
import { createSigner, type Signer } from '../../src/smime/signer.js'
import { TrustStore } from '../../src/smime/trust.js'
import { Laboratory } from '../harness/laboratory.js'
import { startTsa, type Tsa } from '../harness/tsa.js'
import { exportDays } from '../../src/archive/export.js'
import { handIn } from '../../src/archive/logs.js'
import { sealDays, stampDays } from '../../src/archive/seal.js'
import { entryOf, eventOf } from '../ledger/entries.js'

export const HOUR = 3_600_000

export interface TestArchive {
  readonly house: ArchiveHouse
  readonly ledger: SqlLedger
  readonly tsa: Tsa
  readonly folder: string
  /** PEM of the provider's authority, in a file. */
  readonly anchorsFile: string
  readonly trust: ArchiveTrust
  readonly alarms: string[]
  readonly setNow: (time: string) => void
  /** All that is wrong, as `DAY code`. */
  readonly faults: () => Promise<readonly string[]>
}

/** Before the time of the tests, whatever that is. */
const FROM = new Date('2020-01-01T00:00:00Z')

export async function providerSigner(name: string, domain: string): Promise<{ signer: Signer; authority: string }> {
  const authority = await issueAuthority({ name: 'Test CA', keyKind: 'p-256', from: FROM, days: 7300 })
  const address = `posta-certificata@${domain}`
  const pair = await issueProviderCertificate({
    authority,
    providerName: name,
    address,
    keyKind: 'p-256',
    from: FROM,
    days: 7300,
  })
  const certificate = readPem(Buffer.from(pair.certificate), 'CERTIFICATE')[0] ?? Buffer.alloc(0)
  return { signer: createSigner(createPrivateKey(pair.key), certificate, []), authority: authority.certificate }
}

export async function testArchive(t: TestContext, given?: SqlLedger): Promise<TestArchive> {
  const lab = new Laboratory(t)
  const root = await lab.directory()
  const ledger = given ?? (await openLedger(join(root, 'ledger.db')))
  if (given === undefined) lab.atClose(() => ledger.close())
  await mkdir(join(root, 'tsa'))
  const tsa = await startTsa(join(root, 'tsa'), (closing) => lab.atClose(closing))
  const { signer, authority } = await providerSigner('Provider A', 'pec-a.test')
  const anchorsFile = join(root, 'anchors.pem')
  await writeFile(anchorsFile, authority)
  const storeOf = (pem: Buffer, purpose: 'e-mail' | 'time-stamping'): TrustStore =>
    new TrustStore({ anchors: readPem(pem, 'CERTIFICATE'), crls: undefined, crlRequired: false, purpose })
  const stamps = storeOf(tsa.anchors, 'time-stamping')
  const alarms: string[] = []
  let now = new Date('2026-03-05T02:00:00Z')
  const folder = join(root, 'archive')
  const house: ArchiveHouse = {
    register: ledger.days,
    provider: { name: 'Provider A', domain: 'pec-a.test' },
    issuer: { signer },
    timestamp: { authorities: [{ url: tsa.url }], timeout: 20_000, trust: stamps },
    folder,
    handOver: undefined,
    margin: HOUR,
    months: 30,
    versions: { 'haraka-plugin-pec': '0.1.0' },
    clock: () => now,
    alarm: (line) => alarms.push(line),
  }
  const trust = { signers: storeOf(Buffer.from(authority), 'e-mail'), stamps, now: new Date() }
  return {
    ...{ house, ledger, tsa, folder, anchorsFile, trust, alarms },
    setNow: (time) => (now = new Date(time)),
    faults: async () => (await reportsOf(folder, trust)).flatMap(({ faults }) => faults.map(({ day, code }) => `${day} ${code}`)),
  }
}

export async function reportsOf(folder: string, trust: ArchiveTrust): Promise<DayReport[]> {
  const reports: DayReport[] = []
  for await (const report of verifyArchive(folder, trust)) reports.push(report)
  return reports
}

/** An entry's time counts; events of March 2026. */
export function onDay(day: number, time = '12:00:00'): Date {
  return new Date(`2026-03-${String(day).padStart(2, '0')}T${time}Z`)
}

export const ours = (): Promise<boolean> => Promise.resolve(true)

/** Three days, sealed and stamped: one with events and a flat log, one empty, one with an event. */
export async function threeDays(t: TestContext): Promise<TestArchive> {
  const archive = await testArchive(t)
  const { ledger, house, folder } = archive
  await ledger.commit(entryOf('1', { events: [eventOf('a'), eventOf('b', { type: 'take-charge' })] }, onDay(2)))
  await ledger.commit(entryOf('2', { events: [eventOf('c')] }, onDay(4)))
  const logs = join(folder, '..', 'log')
  await handIn(logs, folder, new Date())
  await writeFile(join(logs, 'mx1_20260302T00_access_1.jsonl'), '{"event":"tls"}\n')
  await handIn(logs, folder, new Date())
  await exportDays(house, ours)
  await sealDays(house)
  await stampDays(house)
  return archive
}
