import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import type { Config } from '../../src/config/config.js'
import { keepBytes, receive, submit } from '../../src/haraka/messages.js'
import { readAll } from '../../src/mail/source.js'
import type { AccessPoint, Submission } from '../../src/points/access.js'
import type { Incoming, ReceptionOutcome, ReceptionPoint } from '../../src/points/reception.js'
import type { Occurrence } from '../../src/watch/occurrence.js'
import { connectionOf, transactionOf, type TestTransaction } from './connection.js'
import { listening } from './listening.js'

const directory = mkdtempSync(join(tmpdir(), 'pec-messages-'))
after(() => rmSync(directory, { recursive: true }))

const ANNA = 'anna@pec-a.test'
const UGO = 'ugo@pec-b.test'
const filesOf = (memory: number): { readonly config: Config } => ({ config: { files: { spool: directory, memory } } as Config })

/** A transaction that has received these bytes. */
async function received(wire: string, memory = 1000): Promise<TestTransaction> {
  const transaction = transactionOf(ANNA, UGO, 'Eva@PEC-b.test')
  keepBytes(transaction, filesOf(memory))
  await transaction.receive(wire)
  return transaction
}

type Told = Omit<Submission & Incoming, 'message' | 'host'> & { readonly message: string; readonly host?: string }

/** Points that write down what they are given. */
function pointsFor(outcome: ReceptionOutcome = { accepted: true, as: 'envelope' }, accepted = true) {
  const told: Told[] = []
  const access: AccessPoint = {
    async submit({ message, ...rest }) {
      told.push({ ...rest, message: (await readAll(message)).toString('latin1') })
      return { accepted, identifier: 'id@pec-a.test' }
    },
  }
  const reception: ReceptionPoint = {
    async receive({ message, ...rest }) {
      told.push({ ...rest, message: (await readAll(message)).toString('latin1') })
      return outcome
    },
  }
  const occurrences: Occurrence[] = []
  return { told, access, reception, occurrences, watching: listening(occurrences) }
}

describe('the bytes of a message', () => {
  for (const memory of [1000, 0]) {
    const where = memory > 0 ? 'in memory' : 'in a file'
    for (const [what, wire, bytes] of [
      ['are those of the wire', 'From: x\r\nbad line\r\n\r\n\xff\0 \r\n', 'From: x\r\nbad line\r\n\r\n\xff\0 \r\n'],
      ["lack the wire's dots", 'A: b\r\n\r\n..\r\n...\r\n', 'A: b\r\n\r\n.\r\n..\r\n'],
      ['have no blank line where there was none', 'From: x\r\nTo: y\r\n', 'From: x\r\nTo: y\r\n'],
      ['have nothing twice where there was no blank line', 'From: x\r\nno field\r\n..x\r\n', 'From: x\r\nno field\r\n.x\r\n'],
      ['may be a single line', 'x\r\n', 'x\r\n'],
    ] as const) {
      test(`${what} (${where})`, async () => {
        const { told, ...points } = pointsFor()
        await submit(connectionOf({ user: ANNA, transaction: await received(wire, memory) }), points)
        assert.deepEqual(
          told.map(({ message }) => message),
          [bytes],
        )
      })
    }
  }

  test('are refused where Haraka has broken a line', async () => {
    const { told, ...points } = pointsFor()
    const transaction = await received('A: b\r\n\r\nx\r\n')
    transaction.notes['data_line_length_exceeded'] = true
    const refusal = { code: 'refuse', text: '5.6.0 The message has a line that is too long' }
    assert.deepEqual(await submit(connectionOf({ user: ANNA, transaction }), points), refusal)
    assert.deepEqual(await receive(connectionOf({ transaction }), points), refusal)
    assert.deepEqual(told, [])
  })

  test('go when the transaction does', async () => {
    const transaction = await received('A: b\r\n\r\nx\r\n', 0)
    const file = `${transaction.uuid}.eml`
    assert.ok(readdirSync(directory).includes(file))
    transaction.message_stream.destroy()
    assert.ok(!readdirSync(directory).includes(file))
  })
})

describe('a submission', () => {
  test('has the paths of the transaction, and tells the identifier', async () => {
    const { told, ...points } = pointsFor()
    const reply = await submit(connectionOf({ user: ANNA, transaction: await received('A: b\r\n\r\n') }), points)
    assert.deepEqual(reply, { code: 'accept', text: '2.6.0 Message taken as id@pec-a.test' })
    assert.deepEqual(told, [{ sender: ANNA, recipients: [UGO, 'Eva@PEC-b.test'], message: 'A: b\r\n\r\n' }])
  })

  test('that is not accepted is taken all the same: a notice says why', async () => {
    const points = pointsFor(undefined, false)
    const reply = await submit(connectionOf({ user: ANNA, transaction: await received('A: b\r\n\r\n') }), points)
    assert.deepEqual(reply, { code: 'accept', text: '2.6.0 Message not accepted, a notice says why: id@pec-a.test' })
  })

  test('of nobody is refused', async () => {
    const { told, ...points } = pointsFor()
    const reply = await submit(connectionOf({ transaction: await received('A: b\r\n\r\n') }), points)
    assert.deepEqual([reply.code, told], ['refuse', []])
  })

  test('survives its client: what was captured stays', async () => {
    const { told, ...points } = pointsFor()
    const connection = { ...connectionOf({ user: ANNA, transaction: await received('A: b\r\n\r\n') }) }
    const reply = submit(connection, points)
    Object.assign(connection, { transaction: null })
    assert.equal((await reply).code, 'accept')
    assert.equal(told.length, 1)
  })
})

describe('a message from elsewhere', () => {
  test('has the paths of the transaction, and the host', async () => {
    const { told, ...points } = pointsFor()
    const reply = await receive(connectionOf({ transaction: await received('A: b\r\n\r\n') }), points)
    assert.deepEqual(reply, { code: 'accept', text: '2.6.0 Message taken' })
    const host = 'client.test [192.0.2.2]'
    assert.deepEqual(told, [{ sender: ANNA, recipients: [UGO, 'Eva@PEC-b.test'], host, message: 'A: b\r\n\r\n' }])
  })

  test('may have no sender', async () => {
    const { told, ...points } = pointsFor()
    const transaction = transactionOf('', UGO)
    keepBytes(transaction, filesOf(1000))
    await transaction.receive('A: b\r\n\r\n')
    await receive(connectionOf({ transaction }), points)
    assert.equal(told[0]?.sender, '')
  })

  test('that is not accepted is refused with the reason', async () => {
    const points = pointsFor({ accepted: false, reason: '5.1.1 Unknown mailbox' })
    const reply = await receive(connectionOf({ transaction: await received('A: b\r\n\r\n') }), points)
    assert.deepEqual(reply, { code: 'refuse', text: '5.1.1 Unknown mailbox' })
  })
})

describe('what is told', () => {
  /** Without what changes from run to run. */
  const facts = (occurrence: Occurrence) => ({ ...occurrence, at: undefined, milliseconds: undefined, session: undefined })
  const told = {
    ...{ kind: 'reception', client: { ip: '192.0.2.2', host: 'client.test' }, sender: ANNA, recipients: [UGO, 'Eva@PEC-b.test'] },
    ...{ size: 8, at: undefined, milliseconds: undefined, session: undefined },
  }

  test('of a submission is who sent it to whom, and what became of it', async () => {
    const points = pointsFor()
    await submit(connectionOf({ user: ANNA, transaction: await received('A: b\r\n\r\n') }), points)
    const expected = { ...told, point: 'access', outcome: 'accepted', identifier: 'id@pec-a.test' }
    assert.deepEqual(points.occurrences.map(facts), [expected])
  })

  test('of a message from elsewhere is what it was judged to be; of one refused, nothing here', async () => {
    const points = pointsFor()
    await receive(connectionOf({ transaction: await received('A: b\r\n\r\n') }), points)
    assert.deepEqual(points.occurrences.map(facts), [{ ...told, point: 'reception', outcome: 'envelope', identifier: undefined }])
    const refusing = pointsFor({ accepted: false, reason: '5.1.1 Unknown mailbox' })
    await receive(connectionOf({ transaction: await received('A: b\r\n\r\n') }), refusing)
    assert.deepEqual(refusing.occurrences, [])
  })

  test('is that the spool fails, and that it works again', async () => {
    const points = pointsFor()
    const broken = transactionOf(ANNA, UGO)
    keepBytes(broken, { config: { files: { spool: join(directory, 'away'), memory: 0 } } as Config })
    await broken.receive('A: b\r\n\r\n').catch(() => undefined)
    await assert.rejects(submit(connectionOf({ user: ANNA, transaction: broken }), points), /the spool cannot be written/)
    await submit(connectionOf({ user: ANNA, transaction: await received('A: b\r\n\r\n', 0) }), points)
    const changes = points.occurrences.map(({ kind, ...rest }) => [kind, 'part' in rest ? rest.part : undefined])
    assert.deepEqual(changes, [
      ['failure', 'spool'],
      ['recovery', 'spool'],
      ['reception', undefined],
    ])
  })
})

describe('a message that is not there any more', () => {
  test('because the client has gone is a failure, not an acceptance', async () => {
    await assert.rejects(submit(connectionOf({ user: ANNA }), pointsFor()), /the client has gone/)
    await assert.rejects(receive(connectionOf(), pointsFor()), /the client has gone/)
  })

  test('because another plugin keeps it is a failure, not an acceptance', async () => {
    const transaction = transactionOf(ANNA, UGO)
    await assert.rejects(receive(connectionOf({ transaction }), pointsFor()), /another plugin has replaced the message/)
  })
})
