/** What becomes of days after their time (L4): the events leave the register, and the zip file goes; its manifest and seal stay. */
import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { momentOf } from '../pec/moment.js'
import type { Ledger, RegisterEvent } from '../points/ports.js'
import { dayOf, monthsAfter } from './day.js'
import type { ArchiveHouse } from './house.js'
import { readManifest } from './manifest.js'
import { filesOf, isThere, marksFile, readIfThere } from './place.js'

/** A message that is kept until further notice: its events, and the archives that have them. */
export interface Hold {
  readonly identifier: string
  readonly since: Date
  /** In the operator's words. */
  readonly reason: string
}

export interface RetentionRegister {
  holds(): Promise<readonly Hold[]>
  /** Takes the place of an earlier hold on the message. */
  addHold(hold: Hold): Promise<void>
  /** False if there was none. */
  removeHold(identifier: string): Promise<boolean>
  /** Whether a day has events of a message that is held. */
  isHeld(day: string): Promise<boolean>
  /** Takes a day's events out of the register but for those held, with the claims and messages that they are the last of. */
  purgeEvents(day: string): Promise<number>
}

/** Purges the days whose time is over and that are sealed and stamped. Each purge is an event of the register. */
export async function purgeDays(
  house: ArchiveHouse,
  retention: RetentionRegister,
  ledger: Pick<Ledger, 'commit'>,
): Promise<void> {
  const today = dayOf(house.clock())
  for (const { day } of await house.register.daysIn(['stamped', 'handed-over'])) {
    if (monthsAfter(day, house.months) > today) return
    const isHeld = await anyHeld([day, ...(await lateIn(house.folder, day))], retention)
    const events = await retention.purgeEvents(day)
    const { zip } = filesOf(house.folder, day)
    const goes = !isHeld && (await isThere(zip))
    if (events > 0 || goes) await register(house, ledger, `${events} events of ${day}${goes ? ' and its archive' : ''}`)
    if (isHeld) continue
    for (const path of [zip, marksFile(house.folder, day)]) await rm(path, { force: true })
    await house.register.setState(day, 'purged')
  }
}

async function anyHeld(days: readonly string[], retention: RetentionRegister): Promise<boolean> {
  for (const day of days) if (await retention.isHeld(day)) return true
  return false
}

/** The earlier days of which an archive has events that came late. */
async function lateIn(folder: string, day: string): Promise<readonly string[]> {
  const manifest = await readIfThere(filesOf(folder, day).manifest)
  return manifest === undefined ? [] : Object.keys(readManifest(manifest).late)
}

async function register({ provider, clock }: ArchiveHouse, ledger: Pick<Ledger, 'commit'>, outcome: string): Promise<void> {
  const nobody = { identifier: '', messageId: '', sender: '', recipients: [], subject: undefined }
  const nothing = { daticert: undefined, signature: undefined }
  const event: RegisterEvent = { type: 'purge', ...nobody, provider: provider.name, outcome, ...nothing }
  await ledger.commit({ step: `purge ${randomUUID()}`, at: momentOf(clock()), claims: [], events: [event] })
}
