// Ordinary mail by the policy of each mailbox and domain (R4), set on the command line while the gateway runs.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { SinkMessage } from '../../src/lab/sink.js'
import { Laboratory } from '../harness/laboratory.js'
import { TestGateway } from './gateway.js'
import { isOf, type Letter } from './letter.js'
import { original, PLAIN } from './originals.js'

const MARIO = 'mario@pec-a.test'
const LUCIA = 'lucia@pec-a.test'
const PINO = 'pino@pec-a.test'
const NOBODY = 'nessuno@pec-a.test'
const ANNA = 'anna@nuovo.test'
const ELSEWHERE = 'pino@casa.test'
const FROM = 'nonna@mail.test'
const BY_POLICY = 'Only certified mail is accepted here: the message is not signed: no signature'

/** The directory is looked at once a second. */
const takenOver = (): Promise<void> => sleep(1100)
const anomalyOf =
  (subject: string) =>
  ({ kind, messageId }: Letter): boolean =>
    kind === 'anomaly' && messageId === `${subject}@mail.test`

const letterTo = (subject: string, ...to: readonly string[]): Buffer =>
  original({ from: FROM, to }, subject, `Message-ID: <${subject}@mail.test>\n${PLAIN[0]}`, PLAIN[1])

test('ordinary mail, by the policy of its recipients', { timeout: 180_000 }, async (t) => {
  const lab = new Laboratory(t)
  let refusal: string | undefined
  const elsewhere = await lab.sink({ protocol: 'smtp', script: { rcpt: () => refusal } })
  const sender = await lab.sink({ protocol: 'smtp' })
  const routes = { 'casa.test': elsewhere.port, 'mail.test': sender.port }
  const gateway = await TestGateway.open(lab, { mailboxes: [MARIO, LUCIA, PINO], routes, settings: { index: { refresh: '1' } } })
  const pec = async (...args: readonly string[]): Promise<string> => {
    const program = join(__dirname, '..', '..', 'dist', 'src', 'cli', 'pec.js')
    const [noun = '', verb = '', ...rest] = args
    const running = promisify(execFile)(process.execPath, [program, noun, verb, gateway.directory, ...rest])
    running.child.stdin?.end('segretissimo\n')
    return (await running).stdout
  }
  const bring = async (subject: string, to: readonly string[], from = FROM): Promise<string> => {
    const { dot } = await gateway.bring({ from, to }, letterTo(subject, ...to))
    return `${dot?.code} ${dot?.lines.join(' ')}`
  }
  /** The latest rows of the register that are not of deliveries. */
  const rows = async (count: number): Promise<readonly string[]> =>
    (await gateway.ledger.eventsOf(''))
      .filter(({ type }) => ['anomaly', 'forward', 'refusal'].includes(type))
      .slice(-count)
      .map(({ type, recipients, outcome }) => `${type} ${recipients.join(' ')}: ${outcome}`)
  /** The next report to the sender. */
  const report = async (number: number): Promise<SinkMessage> => {
    const messages = await sender.waitFor(number, 30_000)
    return messages[number - 1] ?? assert.fail()
  }

  await t.test('is let in by default, and not by a domain that rejects it, from the next second on', async () => {
    assert.match(await bring('uno', [MARIO]), /^250/)
    await gateway.waitForLetters(MARIO, 1, anomalyOf('uno'))
    assert.match(await pec('domain', 'policy', 'pec-a.test', 'reject'), /reject/)
    await takenOver()
    assert.ok((await bring('due', [MARIO])).startsWith('550 5.7.1'))
    assert.ok((await bring('tre', [MARIO, NOBODY])).includes(BY_POLICY))
    assert.match(await bring('tre', [NOBODY]), /^550 5\.1\.1 Unknown mailbox/)
    assert.deepEqual(await rows(9), [`anomaly ${MARIO}: the message is not signed: no signature`])
  })

  await t.test('goes to each recipient by its own policy; its sender gets a plain report for those who refuse', async () => {
    await pec('mailbox', 'policy', MARIO, 'accept')
    await pec('mailbox', 'policy', PINO, `forward:${ELSEWHERE}`)
    await takenOver()
    assert.match(await bring('cinque', [MARIO, LUCIA, NOBODY, PINO]), /^250/)

    const [forwarded = assert.fail()] = await elsewhere.waitFor(1)
    assert.deepEqual([forwarded.from, forwarded.to], [FROM, [ELSEWHERE]])
    assert.deepEqual(forwarded.bytes, letterTo('cinque', MARIO, LUCIA, NOBODY, PINO))
    await gateway.waitForLetters(MARIO, 1, anomalyOf('cinque'))
    assert.deepEqual(await rows(4), [
      `anomaly ${MARIO}: the message is not signed: no signature`,
      `forward ${PINO}: forwarded to ${ELSEWHERE}`,
      `refusal ${LUCIA}: 5.7.1 ${BY_POLICY}`,
      `refusal ${NOBODY}: 5.1.1 Unknown mailbox`,
    ])

    await report(2)
    const reports = sender.messages.map(({ from, to, bytes }) => ({ from, to, text: bytes.toString('latin1') }))
    for (const [address, status] of [
      [LUCIA, `5.7.1 (550 ${BY_POLICY})`],
      [NOBODY, '5.1.1 (550 Unknown mailbox)'],
    ] as const) {
      const { from, to, text } = reports.find((one) => one.text.includes(`Final-Recipient: rfc822;${address}`)) ?? assert.fail()
      assert.deepEqual([from, to], ['', [FROM]])
      assert.match(text, /^Content-Type: multipart\/report; report-type=delivery-status;/m)
      assert.ok(text.includes(`Action: failed\r\nStatus: ${status}\r\n`), text)
      assert.ok(text.includes('Message-ID: <cinque@mail.test>'))
      for (const other of [MARIO, ELSEWHERE]) assert.ok(!text.includes(`rfc822;${other}`))
    }
    await gateway.quiet()
    assert.equal(sender.messages.length, 2)
  })

  await t.test('without a reverse path is reported to nobody', async () => {
    assert.match(await bring('sei', [MARIO, LUCIA], ''), /^250/)
    await gateway.waitForLetters(MARIO, 1, anomalyOf('sei'))
    assert.deepEqual(await rows(1), [`refusal ${LUCIA}: 5.7.1 ${BY_POLICY}`])
    await gateway.quiet()
    assert.equal(sender.messages.length, 2)
  })

  await t.test('that is refused elsewhere comes back to its sender as a plain report', async () => {
    refusal = '550 5.1.1 casa says no'
    assert.match(await bring('sette', [PINO]), /^250/)
    const { from, to, bytes } = await report(3)
    assert.deepEqual([from, to], ['', [FROM]])
    assert.ok(bytes.includes('casa says no'))
    await gateway.quiet()
  })

  await t.test('may not be sent on to ourselves', async () => {
    for (const forward of [MARIO, 'x@PEC-A.test'])
      await assert.rejects(pec('mailbox', 'policy', LUCIA, `forward:${forward}`), /certified mail of Gestore A/)
    await assert.rejects(pec('mailbox', 'policy', LUCIA, 'drop'), /none of accept, reject, forward:ADDRESS, default/)
  })

  await t.test('and certified mail come to a domain that was added while the gateway runs', async () => {
    const told = await pec('domain', 'add', 'Nuovo.test')
    assert.match(told, /in our own record of the index/)
    await assert.rejects(pec('domain', 'add', 'nuovo.test'), /nuovo.test is there already/)
    await assert.rejects(pec('domain', 'add', 'casa.test'), /cannot go on to pino@casa.test/)
    assert.match(await pec('domain', 'list'), /^nuovo\.test {2}ordinary mail: accept \(default\)$/m)
    assert.match(await pec('domain', 'list'), /^pec-a\.test {2}ordinary mail: reject$/m)
    await pec('mailbox', 'add', ANNA)
    assert.match(await pec('mailbox', 'list'), /^pino@pec-a\.test {2}active {2}ordinary mail: forward:pino@casa\.test$/m)
    await takenOver()
    assert.match(await bring('otto', [ANNA]), /^250/)
    await gateway.waitForLetters(ANNA, 1, anomalyOf('otto'))
    await gateway.until('certified recipient', async () => {
      const identifier = await gateway.submitted(MARIO, [ANNA], original({ from: MARIO, to: [ANNA] }, 'nove', ...PLAIN))
      const message = await gateway.ledger.message(identifier)
      return message?.recipients[0]?.type === 'certified'
    })
    await gateway.until('envelope', async () => (await gateway.letters(ANNA)).some(isOf('transport')))
  })
})
