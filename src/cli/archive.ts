/** `pec archive`: the days of the register as they are archived, sealed and verified. */
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { Command } from 'commander'
import { dayAfter, isDay, periodOf } from '../archive/day.js'
import { exportDays } from '../archive/export.js'
import { handOverDays } from '../archive/hand-over.js'
import { handIn } from '../archive/logs.js'
import { openArchive, openStampTrust } from '../archive/open.js'
import { daysIn } from '../archive/place.js'
import { sealDays, stampDays } from '../archive/seal.js'
import { verifyArchive, verifyDay, type ArchiveTrust, type DayReport } from '../archive/verify.js'
import { versions } from '../archive/versions.js'
import { PecError } from '../errors.js'
import { openProvider, type Provider } from '../provider.js'
import { markDays } from '../retrieval/day-marks.js'
import { CrlCache } from '../smime/crl.js'
import { readPem } from '../smime/pem.js'
import { TrustStore } from '../smime/trust.js'
import type { Config } from '../config/config.js'
import { readInstance } from './instance.js'
import { complain, say } from './terminal.js'

const VERIFY_HELP = `
DIR is an instance, or any directory with archives; FILE is one of the files of a day. Outside an instance --ca names the authorities
of the provider's certificate and --tsa those of time-stamping certificates, PEM. Nothing else is asked, and nothing sent.

Exit status: 0 if all holds, 1 if anything does not, 2 if it could not be verified.`

export function archiveCommand(): Command {
  const instance = (name: string, description: string): Command =>
    new Command(name).description(description).argument('<DIR>', 'the instance directory')
  return new Command('archive')
    .description('list, seal and verify the archives of the register')
    .addCommand(instance('list', 'list the days that are archived, with their state and events').action(list))
    .addCommand(instance('status', 'tell what is archived and what waits for what').action(status))
    .addCommand(instance('seal-now', 'archive, sign and stamp at once what the gateway would in its own time').action(sealNow))
    .addCommand(
      new Command('verify')
        .description('verify archives offline: members, manifest, signature, certificates, time stamp, chain of days')
        .argument('<DIR|FILE>', 'all days of a directory, or one day')
        .option('--ca <PEM>', "authorities of the provider's certificate")
        .option('--tsa <PEM>', 'authorities of time-stamping certificates')
        .option('--tsa-crl <FILE>', 'their revocation list, PEM or DER')
        .option('--json', 'print one JSON object for each day')
        .addHelpText('after', VERIFY_HELP)
        .action(verify),
    )
}

async function withProvider<T>(directory: string, work: (config: Config, provider: Provider) => Promise<T>): Promise<T> {
  const config = readInstance(directory)
  const provider = await openProvider(config, () => undefined)
  try {
    return await work(config, provider)
  } finally {
    await provider.close()
  }
}

/** More than there can be: 30 months and as much again. */
const ALL_DAYS = 2000

async function list(directory: string): Promise<void> {
  await withProvider(directory, async (_, { ledger }) => {
    const days = await ledger.days.lastDays(ALL_DAYS)
    for (const { day, state, events, manifest } of days.toReversed())
      say(`${day}  ${state.padEnd(11)}  ${String(events).padStart(9)} events  ${manifest}`)
    if (days.length === 0) say('No day is archived yet.')
  })
}

async function status(directory: string): Promise<void> {
  await withProvider(directory, async ({ archive, timestamp }, { ledger }) => {
    const [last] = await ledger.days.lastDays(1)
    const first = last === undefined ? await ledger.days.firstDay() : dayAfter(last.day)
    say(`Archives    ${archive.directory}`)
    say(`Last day    ${last === undefined ? 'none' : `${last.day}, ${last.state}`}`)
    if (first !== undefined) say(`Next day    ${first}, from ${dueAt(first, archive.margin)}`)
    const waiting = await ledger.days.daysIn(['exported', 'sealed'])
    for (const { day, state } of waiting) say(`Waits       ${day}: for its ${state === 'exported' ? 'signature' : 'time stamp'}`)
    if (timestamp.urls.length === 0) say('WARNING: no time-stamping authority is set: [timestamp] urls of config/pec.ini')
  })
}

function dueAt(day: string, margin: number): string {
  return new Date(periodOf(day).to.getTime() + margin * 1000).toISOString()
}

async function sealNow(directory: string): Promise<void> {
  await withProvider(directory, async (config, { ledger, issuer, ocsp }) => {
    const clock = (): Date => new Date()
    const house = await openArchive(config, {
      ...{ issuer, register: ledger.days, versions: versions(), clock, ocsp },
      alarm: (line) => complain(new PecError('archive', line)),
    })
    const holder = `pec archive ${randomUUID()}`
    const isOurs = (): Promise<boolean> => ledger.lease('archive', holder, clock(), new Date(clock().getTime() + 900_000))
    if (!(await isOurs()))
      throw new PecError('archive', 'a gateway is at it, or was within 15 minutes: it does the same every minute')
    try {
      await handIn(config.log.directory, house.folder, clock())
      const days = await exportDays(house, isOurs)
      for (const day of days) say(`${day} archived`)
      await markDays(house.folder, days)
      for (const day of await sealDays(house)) say(`${day} signed`)
      for (const day of await stampDays(house)) say(`${day} stamped`)
      for (const day of await handOverDays(house)) say(`${day} handed over`)
    } finally {
      await ledger.lease('archive', holder, clock(), clock())
    }
    await status(directory)
  })
}

interface VerifyOptions {
  readonly ca?: string
  readonly tsa?: string
  readonly tsaCrl?: string
  readonly json?: true
}

async function verify(path: string, options: VerifyOptions): Promise<void> {
  try {
    process.exitCode = (await verifyPath(path, options)) ? 0 : 1
  } catch (error) {
    complain(error)
    process.exitCode = 2
  }
}

async function verifyPath(path: string, options: VerifyOptions): Promise<boolean> {
  const { folder, day, config } = await placeOf(path)
  if ((await daysIn(folder)).length === 0) throw new PecError('archive', `${folder} holds no archive`)
  const trust = await trustOf(options, config)
  let faults = 0
  for await (const report of day === undefined ? verifyArchive(folder, trust) : one(verifyDay(folder, day, trust))) {
    faults += report.faults.length
    if (options.json === true) say(JSON.stringify(report))
    else for (const line of linesOf(report)) say(line)
  }
  if (options.json !== true) say(faults === 0 ? 'All holds.' : `${faults} faults.`)
  return faults === 0
}

async function* one(report: Promise<DayReport>): AsyncGenerator<DayReport> {
  yield await report
}

async function placeOf(path: string): Promise<{ folder: string; day?: string; config?: Config }> {
  if (existsSync(join(path, 'config', 'pec.ini'))) {
    const config = readInstance(path)
    return { folder: config.archive.directory, config }
  }
  const facts = await stat(path).catch((cause: unknown) => {
    throw new PecError('archive', `${path} is not there`, { cause })
  })
  if (facts.isDirectory()) return { folder: path }
  const day = basename(path).slice(0, 10)
  if (!isDay(day))
    throw new PecError('archive', `${path} is not a file of an archived day: its name does not begin with YYYY-MM-DD`)
  return { folder: dirname(resolve(path)), day }
}

async function trustOf({ ca, tsa, tsaCrl }: VerifyOptions, config: Config | undefined): Promise<ArchiveTrust> {
  const anchors = ca ?? config?.trust.anchors
  if (anchors === undefined) throw new PecError('archive', "--ca is missing: the authorities of the provider's certificate, PEM")
  const stamps = tsa ?? config?.timestamp.anchors
  if (stamps === undefined)
    throw new PecError(
      'archive',
      '--tsa is missing: the authorities of time-stamping certificates, PEM; for an instance, [timestamp] anchors',
    )
  const certificates = readPem(await readFile(anchors), 'CERTIFICATE')
  return {
    signers: new TrustStore({ anchors: certificates, crls: undefined, crlRequired: false }),
    stamps: await openStampTrust(stamps, { crls: await listOf(tsaCrl), crlRequired: false }),
    now: new Date(),
  }
}

async function listOf(path: string | undefined): Promise<CrlCache | undefined> {
  if (path === undefined) return undefined
  const lists = new CrlCache({ sources: [path], onEvent: (line) => complain(new PecError('archive', line)) })
  await lists.refresh()
  if (lists.state().some(({ readAt }) => readAt === undefined)) throw new PecError('archive', `${path} holds no revocation list`)
  return lists
}

function linesOf({ day, faults, manifest, stamp, purged }: DayReport): string[] {
  const events = Object.values(manifest?.events ?? {}).reduce((sum, count) => sum + count, 0)
  const stamped = stamp === undefined ? '' : `, stamped ${stamp.time.toISOString()} by ${stamp.authority}`
  const what = `${events} events, ${manifest?.members.length ?? 0} files${stamped}${purged ? ', its time is over and it is gone' : ''}`
  return faults.length === 0 ? [`${day}  holds: ${what}`] : faults.map(({ code, text }) => `${day}  FAULT (${code}): ${text}`)
}
