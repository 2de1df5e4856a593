/** Everything that can go wrong, and the notice or anomaly envelope that tells of it. RFC 6109 §3.1–§3.3 */
import { startScriptedClamd } from '../lab/clamd.js'
import { playActs } from './act.js'
import { anomalies } from './anomaly-acts.js'
import { CLOSED, FULL, LIMITS, RECIPIENT, SENDER, SILENT_RECIPIENT, TIME_LIMITS, type Setting } from './refusal-cast.js'
import { refusedAtAccess, refusedInSession, timeLimits, undeliverable, virusAtPeer } from './refusal-acts.js'
import type { Outcome, Performance, Scenario } from './scenario.js'
import { SILENT_DOMAIN, SilentProvider } from './silent-provider.js'
import { both, PASSWORD, type Ground } from './stage.js'

export const refusals: Scenario = {
  story: 'Certified mail that is refused, cannot be delivered, is late, or is none: each gets its notice or its envelope.',
  cast: { a: [SENDER], b: [RECIPIENT] },
  prepare,
}

/** A quota, in bytes, that no envelope fits in. */
const SMALL = 2_000

async function prepare({ directory, authority, a, b, onClose }: Ground): Promise<Performance> {
  const clamd = await startScriptedClamd()
  onClose(() => clamd.close())
  const c = await SilentProvider.open(directory, authority)
  onClose(() => c.close())
  await both([a, b], (provider) => provider.importRecord(c.record))
  await b.addRoute(SILENT_DOMAIN, c.port)
  const { recipients, ceiling, bytes } = LIMITS
  await a.configure({
    limits: { recipients: `${recipients}`, recipients_ceiling: `${ceiling}`, bytes: `${bytes}` },
  })
  await b.configure({
    antivirus: { engine: 'clamd', socket: `127.0.0.1:${clamd.port}` },
    deadlines: { first: `${TIME_LIMITS.first}`, second: `${TIME_LIMITS.second}` },
  })
  await b.addRestrictedMailbox({ address: CLOSED, password: PASSWORD, state: 'closed' })
  await b.addRestrictedMailbox({ address: FULL, password: PASSWORD, quotaBytes: SMALL })
  return (play) => perform({ ...play, c })
}

async function perform(setting: Setting): Promise<Outcome> {
  const { stage, timeline, c } = setting
  const { a, b } = stage
  timeline.say('For this scenario:')
  timeline.say('  - Provider A has no antivirus; Provider B has a stand-in for clamd that knows the EICAR test string only')
  timeline.say(
    `  - Provider B counts ${TIME_LIMITS.first} and ${TIME_LIMITS.second} seconds in place of 12 hours and 22 to 24: [deadlines] in its pec.ini`,
  )
  timeline.say(
    `  - Provider A takes ${LIMITS.recipients} recipients and ${LIMITS.bytes} bytes at the most: [limits] in its pec.ini`,
  )
  timeline.say(`  - Provider C, ${SILENT_DOMAIN}, is in the index too: it takes every message, and never answers`)
  timeline.say()
  const inboxes = [
    ...[SENDER, a.receipts].map((address) => a.inbox(address)),
    ...[RECIPIENT, CLOSED, FULL, b.receipts].map((address) => b.inbox(address)),
    c.inbox(SILENT_RECIPIENT),
  ]
  const acts = [
    ...refusedAtAccess(setting),
    refusedInSession(setting),
    undeliverable(setting),
    virusAtPeer(setting),
    ...anomalies(setting),
    timeLimits(setting),
  ]
  return playActs(acts, inboxes, setting)
}
