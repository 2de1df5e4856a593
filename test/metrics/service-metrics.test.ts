import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newServiceMetrics } from '../../src/metrics/service-metrics.js'
import type { RegisterEvent } from '../../src/points/ports.js'
import type { Occurrence } from '../../src/watch/occurrence.js'

const AT = new Date('2026-03-02T12:00:10Z')
const SINCE = new Date('2026-03-02T12:00:00Z')
const SESSION = { client: { ip: '192.0.2.2', host: undefined }, session: 'UUID' }

/** The lines of /metrics of our own that have a value, after these occurrences. */
async function linesAfter(...occurrences: readonly Occurrence[]): Promise<string[]> {
  const { registry, listener } = newServiceMetrics()
  occurrences.forEach(listener)
  return (await registry.metrics()).split('\n').filter((line) => line.startsWith('pec_') && !line.endsWith(' 0'))
}

function event(type: RegisterEvent['type']): RegisterEvent {
  const about = {
    identifier: 'i',
    messageId: 'm',
    sender: 's',
    recipients: ['r'],
    subject: undefined,
    provider: 'p',
    outcome: 'o',
  }
  return { type, ...about, daticert: undefined, signature: undefined }
}

test('counts the events of a step, and how long after the acceptance they came', async () => {
  const events = [event('mailbox-delivery'), event('delivery'), event('forward')]
  const lines = await linesAfter({ kind: 'registered', at: AT, events, acceptedAt: SINCE, milliseconds: 7 })
  for (const line of [
    'pec_events_total{type="delivery"} 1',
    'pec_events_total{type="forward"} 1',
    'pec_way_seconds_bucket{le="15",event="delivery"} 1',
    'pec_way_seconds_sum{event="mailbox-delivery"} 10',
    'pec_ledger_commit_seconds_bucket{le="0.01"} 1',
    'pec_ledger_commit_seconds_count 1',
  ])
    assert.ok(lines.includes(line), `${line} is not in ${lines.join('\n')}`)
  assert.ok(!lines.some((line) => line.includes('le="5",event') || line.includes('event="forward"')))
})

test('counts messages, sessions, refusals and what was found in mail', async () => {
  const between = { sender: 's', recipients: ['r'] }
  const lines = await linesAfter(
    {
      kind: 'reception',
      at: AT,
      point: 'access',
      ...SESSION,
      ...between,
      size: 9,
      outcome: 'accepted',
      identifier: 'i',
      milliseconds: 1,
    },
    { kind: 'tls', at: AT, point: 'access', ...SESSION, protocol: 'TLSv1.3', cipher: 'X' },
    { kind: 'authentication', at: AT, ...SESSION, user: 'u', passed: false },
    { kind: 'refusal', at: AT, point: 'reception', ...SESSION, ...between, command: 'RCPT', reply: 'No', temporary: false },
    { kind: 'relay-attempt', at: AT, ...SESSION, sender: 's', recipient: 'r' },
    { kind: 'spam', at: AT, ...SESSION, ...between, level: 'high' },
    { kind: 'scan', at: AT, found: 'X', size: 9, milliseconds: 1 },
    { kind: 'deferral', at: AT, identifier: 'i', ...between, domain: 'd', reason: 'x', delay: 5 },
    { kind: 'notice-left-out', at: AT, mailbox: 'm' },
    { kind: 'index-refused', at: AT, reason: 'x', age: 1 },
    { kind: 'crl-failed', at: AT, source: 'x', reason: 'x' },
  )
  assert.deepEqual(
    lines.filter((line) => line.includes('_total')),
    [
      'pec_messages_total{point="access",outcome="accepted"} 1',
      'pec_message_bytes_total{point="access"} 9',
      'pec_infected_total 1',
      'pec_spam_total{level="high"} 1',
      'pec_tls_sessions_total{point="access",protocol="TLSv1.3"} 1',
      'pec_authentications_total{outcome="failed"} 1',
      'pec_relay_attempts_total 1',
      'pec_refusals_total{point="reception",command="RCPT",temporary="false"} 1',
      'pec_deferrals_total 1',
      'pec_index_readings_total{outcome="refused"} 1',
      'pec_crl_readings_total{outcome="failed"} 1',
      'pec_arrival_notices_left_out_total 1',
    ],
  )
})

test('counts every failure of a part once, and shows it down until it works', async () => {
  const failure = { kind: 'failure', at: AT, part: 'ledger', code: 'ledger', reason: 'away', since: SINCE } as const
  const down = [
    { ...failure, count: 1 },
    { ...failure, count: 5 },
  ]
  assert.deepEqual(await linesAfter(...down), [
    'pec_failures_total{part="ledger",code="ledger"} 5',
    'pec_part_down{part="ledger"} 1',
  ])
  const recovery = { kind: 'recovery', at: AT, part: 'ledger', since: SINCE, count: 6 } as const
  assert.deepEqual(await linesAfter(...down, recovery), ['pec_failures_total{part="ledger",code="ledger"} 6'])
})
