import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { wayOf } from '../../src/haraka/leaving.js'
import { replyOf, tellAccepted, tellRefused, untilDone } from '../../src/haraka/outcome.js'
import { readAll } from '../../src/mail/source.js'
import type { Config } from '../../src/config/config.js'
import type { DeliveryPoint } from '../../src/points/delivery.js'
import { indexRecords } from '../../src/providers/provider-index.js'
import { mailOf, recipientOf } from './mail.js'

const ADDRESS = 'ugo@pec-b.test'
const GAVE_UP = new Error('Too many failures (Tried all MXs)')

describe('the reply to a refused recipient', () => {
  const refused = { dsn_smtp_code: '550', dsn_smtp_extc: '5.1.1', dsn_smtp_response: 'User unknown', dsn_status: '5.1.1' }
  const deferred = { dsn_smtp_code: '452', dsn_smtp_extc: '4.2.2', dsn_smtp_response: 'Mailbox full', dsn_status: '5.2.2' }
  const unknown = { dsn_status: '5.1.2', dsn_msg: 'No Such Domain: pec-b.test' }
  for (const [what, said, error, reply] of [
    ['is what the other side said', refused, new Error('Some recipients failed'), '550 5.1.1 User unknown'],
    ['does without an enhanced code', { ...refused, dsn_smtp_extc: undefined }, new Error('x'), '550 User unknown'],
    ['may have no text', { dsn_smtp_code: '550', dsn_smtp_response: '' }, new Error('x'), '550'],
    ['is what Haraka found where nobody spoke', unknown, new Error('x'), '5.1.2 No Such Domain: pec-b.test'],
    ['is not that of an earlier attempt', { ...deferred, ...unknown }, new Error('x'), '5.1.2 No Such Domain: pec-b.test'],
    ['is the last temporary one where Haraka gave up', deferred, GAVE_UP, '452 4.2.2 Mailbox full'],
    ['does not blame the address of a host that never answered', unknown, GAVE_UP, GAVE_UP.message],
    ['is the error where nothing else is known', {}, new Error('Upstream error'), 'Upstream error'],
  ] as const) {
    test(what, () => assert.equal(replyOf(recipientOf(ADDRESS, said), error), reply))
  }
})

/** A delivery point that writes down what it is told. */
function listener(): { readonly told: string[]; readonly delivery: DeliveryPoint } {
  const told: string[] = []
  return {
    told,
    delivery: {
      async delivered({ recipient }, envelope) {
        told.push(`delivered ${recipient}: ${(await readAll(envelope)).toString()}`)
      },
      async stored({ kind }, message, recipient, sender, response) {
        told.push(`${kind} in ${recipient} from <${sender}>: ${response}: ${(await readAll(message)).toString()}`)
      },
      optionsOwed: () => Promise.resolve(),
      passedOn: (errand, recipients, sender, response) =>
        Promise.resolve(void told.push(`${errand.kind} to ${recipients.join(' ')} from <${sender}>: ${response}`)),
      refused: (errand, recipient, sender, reply) =>
        Promise.resolve(void told.push(`${errand.kind} to ${recipient} from <${sender}> refused: ${reply}`)),
      gaveUp: (errand, recipient, sender, reply) =>
        Promise.resolve(void told.push(`${errand.kind} to ${recipient} from <${sender}> given up: ${reply}`)),
    },
  }
}

const step = 'step 1'
const identifier = 'id@pec-a.test'

describe('a refusal', () => {
  const note = { step, errand: { kind: 'send-envelope', identifier } } as const

  test('of some recipients is told for each of them, and for no other', async () => {
    const { told, delivery } = listener()
    const mail = mailOf({ to: ['a@pec-b.test', 'b@pec-b.test', 'c@pec-b.test'], note })
    const bounced_rcpt = [
      recipientOf('c@pec-b.test', { dsn_smtp_code: '550', dsn_smtp_response: 'no c' }),
      recipientOf('a@pec-b.test', { dsn_smtp_code: '551', dsn_smtp_response: 'no a' }),
    ]
    assert.deepEqual(await tellRefused(mail, Object.assign(new Error('x'), { bounced_rcpt }), { delivery }), {
      owesReport: false,
    })
    assert.deepEqual(told, [
      'send-envelope to c@pec-b.test from <anna@pec-a.test> refused: 550 no c',
      'send-envelope to a@pec-b.test from <anna@pec-a.test> refused: 551 no a',
    ])
  })

  test('of the whole message is told for every recipient', async () => {
    const { told, delivery } = listener()
    await tellRefused(mailOf({ to: ['a@pec-b.test', 'b@pec-b.test'], note }), new Error('554 go away'), { delivery })
    assert.deepEqual(
      told,
      ['a', 'b'].map((name) => `send-envelope to ${name}@pec-b.test from <anna@pec-a.test> refused: 554 go away`),
    )
  })

  for (const message of ['Too many failures (x)', 'Error re-queueing email: ENOENT', 'Error splitting to new recipients: x']) {
    test(`that nobody spoke is no refusal: ${message}`, async () => {
      const { told, delivery } = listener()
      await tellRefused(mailOf({ note }), new Error(message), { delivery })
      assert.deepEqual(told, [`send-envelope to ${ADDRESS} from <anna@pec-a.test> given up: ${message}`])
    })
  }

  test("owes a plain report only for an anomaly envelope, and nothing is told of messages that are not the gateway's", async () => {
    const { told, delivery } = listener()
    const anomaly = mailOf({ from: 'x@elsewhere.test', note: { step, errand: { kind: 'deliver-anomaly', identifier: '' } } })
    assert.deepEqual(await tellRefused(anomaly, new Error('x'), { delivery }), { owesReport: true })
    assert.equal(told.length, 1)
    assert.deepEqual(await tellRefused(mailOf(), new Error('x'), { delivery }), { owesReport: false })
    assert.equal(told.length, 1)
  })
})

describe('ordinary mail', () => {
  const from = 'x@elsewhere.test'

  test('that was refused on arrival is reported in the words of the refusal, and not told again', async () => {
    const { told, delivery } = listener()
    const reply = '5.7.1 Only certified mail is accepted here: the message is not signed'
    const to = ['a@pec-b.test', 'b@pec-b.test']
    const mail = mailOf({ from, to, note: { step, errand: { kind: 'refuse', identifier: '', reply } } })
    const { reply: way } = wayOf(mail, { routes: new Map(), peerTls: new Map() } as unknown as Config, indexRecords([]))
    assert.equal(way.code, 'refuse')
    const error = new Error('No MX for pec-b.test')
    assert.deepEqual(await tellRefused(mail, error, { delivery }), { owesReport: true })
    assert.equal(error.message, reply)
    for (const recipient of mail.todo.rcpt_to) {
      const said = new Map(Object.entries(recipient))
      assert.deepEqual(
        ['reason', 'dsn_action', 'dsn_code', 'dsn_status', 'dsn_msg'].map((name) => said.get(name) as unknown),
        [reply, 'failed', '550', '5.7.1', 'Only certified mail is accepted here: the message is not signed'],
      )
    }
    assert.deepEqual(told, [])
  })

  test('that could not go on elsewhere is told, and reported to its sender', async () => {
    const { told, delivery } = listener()
    const mail = mailOf({ from, to: ['ugo@casa.test'], note: { step, errand: { kind: 'forward', identifier: '' } } })
    assert.deepEqual(await tellRefused(mail, new Error('550 no'), { delivery }), { owesReport: true })
    assert.deepEqual(told, ['forward to ugo@casa.test from <x@elsewhere.test> refused: 550 no'])
  })
})

describe('an acceptance', () => {
  const directory = mkdtempSync(join(tmpdir(), 'pec-outcome-'))
  after(() => rmSync(directory, { recursive: true }))
  const files = (memory: number): Config => ({ files: { spool: directory, memory } }) as Config

  for (const memory of [1_000_000, 10]) {
    const where = memory > 10 ? 'in memory' : 'from a file'
    test(`of an envelope gives it out of the queue file, without the dots of the wire, ${where}`, async () => {
      const { told, delivery } = listener()
      const [todo, head, original] = ['\0\0\0\x05{todo', 'From: x\r\n\r\n--b\r\n\r\n', 'To: y\r\n\r\n.dot\r\n..\r\n']
      const path = join(directory, 'queue-file')
      writeFileSync(path, `${todo}${head}${original.replace(/^\./gm, '..')}--b--\r\n`)
      const range = { start: head.length, end: head.length + original.length }
      const errand = { kind: 'deliver-envelope', identifier, recipient: ADDRESS, original: range } as const
      const parts = { path, data_start: todo.length, file_size: `${todo}${head}${original}..--b--\r\n`.length }
      const mail = Object.assign(mailOf({ note: { step, errand } }), parts)
      await tellAccepted(mail, mail.todo.rcpt_to, '250 ok', { config: files(memory), delivery })
      assert.deepEqual(told, [`delivered ${ADDRESS}: ${head}${original}--b--\r\n`])
      assert.deepEqual(readdirSync(directory), ['queue-file'])
    })
  }

  test('of anything else is told with the reply, for those accepted', async () => {
    const { told, delivery } = listener()
    const mail = mailOf({ to: ['a@pec-b.test', 'b@pec-b.test'], note: { step, errand: { kind: 'send-envelope', identifier } } })
    await tellAccepted(mail, [recipientOf('b@pec-b.test')], 'queued as 7', { config: files(0), delivery })
    assert.deepEqual(told, ['send-envelope to b@pec-b.test from <anna@pec-a.test>: queued as 7'])
  })

  test("of a message that is not the gateway's is told to nobody", async () => {
    const { told, delivery } = listener()
    await tellAccepted(mailOf({ from: '' }), [], 'ok', { config: files(0), delivery })
    assert.deepEqual(told, [])
  })
})

test('what must be recorded is tried until it is', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { done, ...log } = mailOf()
  let attempts = 0
  const outcome = untilDone(log, () =>
    ++attempts < 4 ? Promise.reject(new Error(`away ${attempts}`)) : Promise.resolve('recorded'),
  )
  for (const wait of [500, 1000, 2000]) {
    await new Promise((resolve) => setImmediate(resolve))
    t.mock.timers.tick(wait)
  }
  assert.equal(await outcome, 'recorded')
  assert.deepEqual(done, [
    'error: an outcome cannot be recorded, next try in 0.5 s: away 1',
    'error: an outcome cannot be recorded, next try in 1 s: away 2',
    'error: an outcome cannot be recorded, next try in 2 s: away 3',
  ])
})
