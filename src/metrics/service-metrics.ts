/** The figures of one process, fed with what happens in it. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { EventType } from '../points/ports.js'
import type { Listener } from '../watch/listeners.js'
import type { Failed, Occurrence, Part, Recovered, Registered } from '../watch/occurrence.js'

/** Seconds that work of a machine takes. */
const WORK = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60]
/** Seconds that a message may be on its way, up to the limits of 12 and 24 hours. */
const WAYS = [0.05, 0.25, 1, 5, 15, 60, 300, 900, 3600, 14_400, 43_200, 86_400]
/** The events that say how far a message is. */
const STAGES: ReadonlySet<EventType> = new Set(['take-charge', 'mailbox-delivery', 'delivery', 'non-delivery', 'relay'])

export interface ServiceMetrics {
  readonly registry: Registry
  readonly listener: Listener
}

/** Figures of Node.js and of this process are among them. */
export function newServiceMetrics(): ServiceMetrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const figures = figuresIn(registry)
  // Whoever looks for what has increased must have seen it before.
  figures.events.inc({ type: 'option-failure' }, 0)
  return { registry, listener: (occurrence) => count(occurrence, figures) }
}

function figuresIn(registry: Registry) {
  const registers = [registry]
  const counter = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Counter({ name: `pec_${name}_total`, help, labelNames, registers })
  const seconds = <L extends string>(name: string, help: string, buckets: number[], ...labelNames: L[]) =>
    new Histogram({ name: `pec_${name}_seconds`, help, buckets, labelNames, registers })
  return {
    messages: counter('messages', 'Messages taken over SMTP, by point and by what became of them.', 'point', 'outcome'),
    bytes: counter('message_bytes', 'Bytes of the messages taken over SMTP.', 'point'),
    answer: seconds('answer', 'From the end of a message to its answer.', WORK, 'point'),
    events: counter('events', 'Events committed to the register, by type.', 'type'),
    way: seconds('way', 'From the acceptance of a message to an event about it.', WAYS, 'event'),
    commit: seconds('ledger_commit', 'One commit of the ledger.', WORK),
    signature: seconds('signature', 'One signature.', WORK),
    scan: seconds('scan', 'One scan by the antivirus.', WORK),
    infected: counter('infected', 'Messages in which the antivirus found something.'),
    quarantined: counter('quarantined', 'Messages that went into quarantine.'),
    spam: counter('spam', 'Ordinary mail marked as spam, by level.', 'level'),
    sessions: counter('tls_sessions', 'SMTP sessions under TLS.', 'point', 'protocol'),
    logins: counter('authentications', 'Logins, passed or failed.', 'outcome'),
    relays: counter('relay_attempts', 'Attempts to relay, refused.'),
    refusals: counter('refusals', 'Refusals in SMTP sessions.', 'point', 'command', 'temporary'),
    deferrals: counter('deferrals', 'Attempts to deliver or relay that failed for now.'),
    index: counter('index_readings', 'New indexes of providers, taken over or refused.', 'outcome'),
    crl: counter('crl_readings', 'Revocation lists that changed or could not be read.', 'outcome'),
    ocsp: counter('ocsp_answers', 'Questions put to OCSP responders, by what they answered.', 'outcome'),
    failures: counter('failures', 'Failures, by part and code; told at the first and every five minutes.', 'part', 'code'),
    down: new Gauge({
      name: 'pec_part_down',
      help: 'Processes in which a part does not work now.',
      labelNames: ['part'],
      registers,
    }),
    interoperability: new Gauge({
      name: 'pec_interoperability_passed',
      help: 'Whether the last test message to a mailbox of another provider was answered as it should be.',
      labelNames: ['mailbox'],
      registers,
    }),
    answers: new Gauge({
      name: 'pec_interoperability_answer_seconds',
      help: 'From the last test message to a mailbox of another provider to each answer, on the node that sent it.',
      labelNames: ['mailbox', 'answer'],
      registers,
    }),
    leftOut: counter('arrival_notices_left_out', 'Notices of arrival beyond what a mailbox may give rise to in an hour.'),
    reloads: counter('reloads', 'Settings, keys, trust or users taken over without a restart.', 'what'),
    failing: new Map<Part, { code: string; counted: number }>(),
  }
}

type Figures = ReturnType<typeof figuresIn>

function count(occurrence: Occurrence, figures: Figures): void {
  switch (occurrence.kind) {
    case 'reception': {
      const { point, outcome, size, milliseconds } = occurrence
      figures.messages.inc({ point, outcome })
      figures.bytes.inc({ point }, size)
      figures.answer.observe({ point }, milliseconds / 1000)
      break
    }
    case 'registered':
      countRegistered(occurrence, figures)
      break
    case 'signature':
      figures.signature.observe(occurrence.milliseconds / 1000)
      break
    case 'scan':
      figures.scan.observe(occurrence.milliseconds / 1000)
      if (occurrence.found !== undefined) figures.infected.inc()
      break
    case 'virus':
      figures.quarantined.inc()
      break
    case 'spam':
      figures.spam.inc({ level: occurrence.level })
      break
    case 'tls':
      figures.sessions.inc({ point: occurrence.point, protocol: occurrence.protocol ?? 'unknown' })
      break
    case 'authentication':
      figures.logins.inc({ outcome: occurrence.passed ? 'passed' : 'failed' })
      break
    case 'relay-attempt':
      figures.relays.inc()
      break
    case 'refusal': {
      const { point, command, temporary } = occurrence
      figures.refusals.inc({ point, command, temporary: String(temporary) })
      break
    }
    case 'deferral':
      figures.deferrals.inc()
      break
    case 'index-synchronised':
    case 'index-refused':
      figures.index.inc({ outcome: occurrence.kind === 'index-refused' ? 'refused' : 'taken' })
      break
    case 'crl-refreshed':
    case 'crl-failed':
      figures.crl.inc({ outcome: occurrence.kind === 'crl-failed' ? 'failed' : 'read' })
      break
    case 'ocsp-answer':
      figures.ocsp.inc({ outcome: occurrence.outcome })
      break
    case 'failure':
    case 'recovery':
      countFailures(occurrence, figures)
      break
    case 'interoperability': {
      const { mailbox, passed, seconds } = occurrence
      figures.interoperability.set({ mailbox }, passed ? 1 : 0)
      for (const answer of ['acceptance', 'takeCharge', 'delivery'] as const) {
        const took = seconds[answer]
        if (took === undefined) figures.answers.remove({ mailbox, answer })
        else figures.answers.set({ mailbox, answer }, took)
      }
      break
    }
    case 'notice-left-out':
      figures.leftOut.inc()
      break
    case 'reloaded':
      figures.reloads.inc({ what: occurrence.what })
      break
    case 'index-changed':
    case 'started':
    case 'ending':
      break
  }
}

function countRegistered({ events, at, acceptedAt, milliseconds }: Registered, figures: Figures): void {
  figures.commit.observe(milliseconds / 1000)
  for (const { type } of events) {
    figures.events.inc({ type })
    if (acceptedAt === undefined || !STAGES.has(type)) continue
    figures.way.observe({ event: type }, Math.max(0, (at.getTime() - acceptedAt.getTime()) / 1000))
  }
}

/** Each telling has the number of all failures since the part stopped. */
function countFailures(occurrence: Failed | Recovered, { failures, down, failing }: Figures): void {
  const { part, kind } = occurrence
  const known = failing.get(part) ?? { code: 'bug', counted: 0 }
  const code = kind === 'failure' ? occurrence.code : known.code
  failures.inc({ part, code }, occurrence.count - known.counted)
  if (kind === 'failure') failing.set(part, { code, counted: occurrence.count })
  else failing.delete(part)
  down.set({ part }, kind === 'failure' ? 1 : 0)
}
