import constants from 'haraka-constants'
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { after, describe, test } from 'node:test'
import fc from 'fast-check'
import type { Address } from '../../src/haraka/address.js'
import { newGate } from '../../src/haraka/gate.js'
import { noteOf } from '../../src/haraka/note.js'
import { openOutbox } from '../../src/haraka/outbox.js'
import type { Outbound } from '../../src/haraka/types.js'
import { isAddress } from '../../src/mail/address.js'
import { fromBuffer, type Source } from '../../src/mail/source.js'
import type { Dispatch } from '../../src/points/ports.js'

const directory = mkdtempSync(join(tmpdir(), 'pec-outbox-'))
after(() => rmSync(directory, { recursive: true }))

/** What Haraka makes its queue files of. */
interface Transaction {
  readonly uuid: string
  readonly mail_from: Address
  readonly rcpt_to: readonly Address[]
  readonly notes: Readonly<Record<string, unknown>>
  readonly header: { get(name: string): string; get_all(name: string): readonly string[] }
  readonly message_stream: { pipe(destination: Writable): Writable }
}

interface Queued {
  readonly transaction: Transaction
  readonly wire: string
}

/** Haraka's queue, in memory: a file per domain. `answer` decides what it says. */
function queueOf(answer: (transaction: Transaction) => readonly [number, unknown] = () => [constants.ok, 'queued']) {
  const files: Queued[] = []
  const load = { now: 0, most: 0 }
  const write = async (transaction: Transaction): Promise<void> => {
    for (const domain of new Set(transaction.rcpt_to.map(({ address }) => address.split('@')[1]))) {
      const pieces: Buffer[] = []
      const file = new Writable({ write: (chunk: Buffer, _, next) => (pieces.push(chunk), setImmediate(next)) })
      transaction.message_stream.pipe(file)
      // As in Haraka, whose file may get its name although it broke off.
      await finished(file).catch(() => undefined)
      files.push({ transaction, wire: `${domain ?? ''}: ${Buffer.concat(pieces).toString('latin1')}` })
    }
  }
  const outbound: Outbound = {
    send_trans_email(given, next) {
      const transaction = given as Transaction
      load.most = Math.max(load.most, ++load.now)
      void write(transaction).then(() => {
        load.now--
        next(...answer(transaction))
      })
    },
  }
  return { files, load, outbound }
}

const dispatch = (parts: Partial<Dispatch> = {}): Dispatch => ({
  from: 'anna@pec-a.test',
  to: ['ugo@pec-b.test'],
  message: fromBuffer(Buffer.from('Subject: x\r\n\r\n.\r\n..x\r\n\xff', 'latin1')),
  errand: { kind: 'send-envelope', identifier: 'id@pec-a.test' },
  ...parts,
})

const gateOf = (): ReturnType<typeof newGate> => newGate(() => Promise.resolve(false))

describe('the outbox', () => {
  test('hands Haraka the bytes of the wire, the paths, and a note that survives a restart', async () => {
    const { files, outbound } = queueOf()
    await openOutbox(outbound, directory, gateOf()).prepare('step', [dispatch()])
    const [file] = files
    assert.ok(file !== undefined && files.length === 1)
    assert.equal(file.wire, 'pec-b.test: Subject: x\r\n\r\n..\r\n...x\r\n\xff')
    const { transaction } = file
    assert.deepEqual(
      [transaction.mail_from.address, transaction.rcpt_to.map(({ address }) => address)],
      ['anna@pec-a.test', ['ugo@pec-b.test']],
    )
    assert.deepEqual(transaction.notes['skip_plugins'], [])
    const restored = JSON.parse(JSON.stringify(transaction.notes)) as Record<string, unknown>
    assert.deepEqual(noteOf(restored), { step: 'step', errand: dispatch().errand })
    assert.match(transaction.uuid, /^[0-9A-F-]{36}$/)
  })

  test('has nothing for Haraka to add', async () => {
    const { files, outbound } = queueOf()
    await openOutbox(outbound, directory, gateOf()).prepare('step', [dispatch()])
    const header = files[0]?.transaction.header
    for (const name of ['Message-Id', 'Date']) {
      assert.equal(header?.get_all(name).length, 1)
      assert.notEqual(header.get(name), '<>')
    }
  })

  test('gives each domain of a message the whole of it', async () => {
    const { files, outbound } = queueOf()
    await openOutbox(outbound, directory, gateOf()).prepare('step', [dispatch({ to: ['a@pec-b.test', 'b@pec-c.test'] })])
    assert.deepEqual(
      files.map(({ wire }) => wire),
      ['pec-b.test', 'pec-c.test'].map((domain) => `${domain}: Subject: x\r\n\r\n..\r\n...x\r\n\xff`),
    )
  })

  test('sends without a sender where there is none', async () => {
    const { files, outbound } = queueOf()
    await openOutbox(outbound, directory, gateOf()).prepare('step', [dispatch({ from: '' })])
    assert.equal(files[0]?.transaction.mail_from.isNull(), true)
  })

  test('holds messages at the gate until they are released or dropped', async () => {
    for (const [act, passes] of [
      ['release', true],
      ['drop', false],
      ['leaveToLedger', false],
    ] as const) {
      const gate = gateOf()
      const prepared = await openOutbox(queueOf().outbound, directory, gate).prepare('step', [dispatch()])
      const answer = gate.passes('step')
      prepared[act]()
      assert.equal(await answer, passes, act)
    }
  })

  test('writes some messages at the same time, not all', async () => {
    const { files, load, outbound } = queueOf()
    const many = Array.from({ length: 100 }, (_, number) => dispatch({ to: [`r${number}@pec-b.test`] }))
    await openOutbox(outbound, directory, gateOf()).prepare('step', many)
    assert.equal(new Set(files.map(({ transaction }) => transaction.uuid)).size, 100)
    assert.ok(load.most > 1 && load.most <= 16, String(load.most))
  })

  test('with nothing to send prepares all the same', async () => {
    ;(await openOutbox(queueOf().outbound, '/nowhere', gateOf()).prepare('step', [])).release()
  })
})

describe('an outbox that cannot take a message', () => {
  const broken: Source = {
    ...{ size: 100, read: () => Promise.reject(new Error('gone')) },
    // eslint-disable-next-line @typescript-eslint/require-await -- a file that goes away while it is read
    async *chunks() {
      yield Buffer.from('Subject: half a mess')
      throw new Error('gone')
    },
  }
  const failing = (code: number, what: unknown) =>
    queueOf(({ rcpt_to }) => (rcpt_to[0]?.address.startsWith('bad') === true ? [code, what] : [constants.ok, '']))
  const [good, bad] = [dispatch(), dispatch({ to: ['bad@pec-b.test'] })]

  for (const [what, queue, dispatches, where, reason] of [
    ['because Haraka says so', failing(constants.denysoft, 'Queueing failed'), [good, bad, good], directory, /Queueing failed/],
    ['because of an error', failing(constants.denysoft, new Error('ENOSPC')), [good, bad, good], directory, /ENOSPC/],
    ['because it breaks off while it is read', queueOf(), [good, dispatch({ message: broken })], directory, /gone/],
    ['because its address is none', queueOf(), [good, dispatch({ to: ['a b'] })], directory, /./],
    ['because the directory is gone', queueOf(), [good], join(directory, 'missing'), /ENOENT/],
  ] as const) {
    test(`${what} drops the whole step, once nobody writes any more`, async () => {
      const gate = gateOf()
      const waiting = openOutbox(queue.outbound, where, gate).prepare('step', dispatches)
      const answer = gate.passes('step')
      await assert.rejects(waiting, (error: Error & { readonly code: string; readonly temporary: boolean }) => {
        assert.deepEqual([error.code, error.temporary], ['queue', true])
        assert.match(error.message, reason)
        return true
      })
      assert.equal(queue.load.now, 0)
      assert.equal(await answer, false)
    })
  }
})

test('every address that we take for one can be queued', async () => {
  const local = fc.string({
    unit: fc.constantFrom('a', 'B', '.', '"', '+', "'", ' ', '\\', '@', '!', '{'),
    minLength: 1,
    maxLength: 8,
  })
  const domain = fc.constantFrom('pec-b.test', 'B.TEST', '[127.0.0.1]', '[IPv6:::1]', 'a', 'xn--p1ai.test', '1.2.3')
  const { files, outbound } = queueOf()
  const outbox = openOutbox(outbound, directory, gateOf())
  await fc.assert(
    fc.asyncProperty(local, domain, async (name, host) => {
      const address = `${name}@${host}`
      fc.pre(isAddress(address))
      await outbox.prepare('step', [dispatch({ from: address, to: [address] })])
      const queued = files.at(-1)?.transaction.rcpt_to[0]?.address
      assert.equal(queued?.toLowerCase(), address.toLowerCase())
    }),
    { numRuns: 300 },
  )
})
