// What the register says of a message, as an operator gets it from a running gateway.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { Laboratory } from '../harness/laboratory.js'
import { TestGateway } from './gateway.js'
import { original, PLAIN } from './originals.js'

const PROGRAM = join(__dirname, '..', '..', 'dist', 'src', 'cli', 'pec.js')
const MARIO = 'mario@pec-a.test'
const LUCIA = 'lucia@pec-a.test'
const message = original({ from: MARIO, to: [LUCIA] }, 'Offerta', ...PLAIN)

interface Ended {
  readonly status: number
  readonly out: string
  readonly err: string
}

function pec(...args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [PROGRAM, ...args], { timeout: 60_000 }, (error, out, err) => {
      resolve({ status: error === null ? 0 : Number(error.code ?? -1), out, err })
    })
  })
}

test('an operator retrieves what happened to a message', { timeout: 180_000 }, async (t) => {
  const gateway = await TestGateway.open(new Laboratory(t), { mailboxes: [MARIO, LUCIA] })
  const { directory } = gateway
  const identifier = await gateway.submitted(MARIO, [LUCIA], message)
  const other = await gateway.submitted(LUCIA, [MARIO], original({ from: LUCIA, to: [MARIO] }, 'Risposta', ...PLAIN))
  await gateway.waitForLetters(MARIO, 3)
  await gateway.quiet()

  await t.test('events are found by their marks', async () => {
    const kindsOf = async (...marks: readonly string[]): Promise<readonly string[]> => {
      const { status, out, err } = await pec('log', 'search', directory, '--json', ...marks)
      assert.equal(status, 0, err)
      return out.split('\n').flatMap((line) => (line === '' ? [] : [(JSON.parse(line) as { type: string }).type]))
    }
    const stored = ['mailbox-delivery', 'mailbox-delivery', 'mailbox-delivery']
    assert.deepEqual([...(await kindsOf('--identifier', `<${identifier}>`))].sort(), [
      ...['acceptance', 'delivery', ...stored, 'reception', 'take-charge', 'transport'],
    ])
    assert.deepEqual(await kindsOf('--sender', MARIO, '--kind', 'delivery', '--to', '2099-01-01'), ['delivery'])
    assert.deepEqual(await kindsOf('--recipient', LUCIA, '--kind', 'acceptance'), ['acceptance'])
    assert.deepEqual(await kindsOf('--day', '2020-01-01'), [])
    const limited = await pec('log', 'search', directory, '--sender', LUCIA, '--limit', '1')
    assert.match(limited.out, new RegExp(`^\\S+ \\S+ \\+0\\d00  \\S+ +${other}  ${LUCIA} -> ${MARIO}  \\S.*\\n$`))
    assert.match(limited.err, /more than these 1 events/)
    const wrong = await pec('log', 'search', directory, '--day', '2026-02-30')
    assert.deepEqual([wrong.status, /2026-02-30 is no day/.test(wrong.err)], [1, true])
  })

  await t.test('its timeline tells receipts, data and signatures', async () => {
    const { status, out, err } = await pec('log', 'show', directory, identifier)
    assert.equal(status, 0, out + err)
    assert.match(out, /acceptance receipt issued[^]*delivery receipt issued/)
    assert.match(out, /Subject +Offerta/)
    assert.match(out, /Signature +holds: Gestore A S\.p\.A\./)
    assert.match(out, /8 events with 4 signatures: nothing is wrong/)
    const json = await pec('log', 'show', directory, identifier, '--json')
    const facts = JSON.parse(json.out) as { events: { check: { trust: string } | null }[]; findings: unknown[] }
    assert.deepEqual(
      facts.events.flatMap(({ check }) => (check === null ? [] : [check.trust])),
      Array.from({ length: 4 }, () => 'trusted'),
    )
    assert.deepEqual(facts.findings, [])
    const unknown = await pec('log', 'show', directory, 'nobody@pec-a.test')
    assert.deepEqual([unknown.status, /knows nothing of nobody@/.test(unknown.err)], [1, true])
  })
})
