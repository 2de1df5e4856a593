// One provider on two nodes, over one ledger in MariaDB and one mailbox store: whatever comes to either is certified once.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Sink } from '../../src/lab/sink.js'
import { tlsIdentity } from '../harness/certificates.js'
import { Laboratory } from '../harness/laboratory.js'
import { mariadbIsMissing, TestMariadb } from '../harness/mariadb.js'
import { accredit } from './accreditation.js'
import { choosePorts, TestGateway } from './gateway.js'
import { isOf } from './letter.js'
import { original, PLAIN } from './originals.js'

const MARIO = 'mario@pec-a.test'
const UGO = 'ugo@pec-b.test'
const RECEIPTS_A = 'ricevute@pec-a.test'
const RECEIPTS_B = 'ricevute@pec-b.test'
const A = { name: 'Gestore A S.p.A.', domain: 'pec-a.test' }
const B = { name: 'Gestore B S.p.A.', domain: 'pec-b.test' }
/** When the sender is told that nobody has taken a message in charge, in seconds. */
const LATE = 4
/** Within which a node that died is replaced. */
const REPLACED_MS = 60_000

const letter = (from: string, to: string): Buffer => original({ from, to: [to] }, 'Prova', ...PLAIN)

test('a provider on two nodes', { skip: mariadbIsMissing, timeout: 240_000 }, async (t) => {
  const lab = new Laboratory(t)
  const server = await TestMariadb.start()
  lab.atClose(() => server.close())
  await server.run('create database pec')
  const [keysA, keysB] = await accredit(lab, [A, B])
  assert.ok(keysA && keysB)
  /** What B sends to A: the test brings it to either node, or to both. */
  const sink = await lab.sink({ protocol: 'smtp', tls: await tlsIdentity() })
  const [portsTwo, portsB] = [await choosePorts(), await choosePorts()]
  const planA = {
    ...{ ...A, keys: keysA, mailboxes: [MARIO], routes: { 'pec-b.test': portsB.mx } },
    settings: {
      ledger: { engine: 'mysql', socket: server.socket, user: 'root' },
      deadlines: { first: String(LATE), second: '3600' },
    },
  }
  // The second runs the mailbox store for both; the first, which is there before, has the work of which there is one.
  const one = await TestGateway.open(lab, { ...planA, storePort: portsTwo.store })
  const holder = async (): Promise<unknown> => (await server.run("select holder from job where name = 'deadlines'", 'pec'))[0]
  const firstHolder = await holder()
  const two = await TestGateway.open(lab, planA, portsTwo)
  const b = await TestGateway.open(lab, { ...B, keys: keysB, mailboxes: [UGO], routes: { 'pec-a.test': sink.port } }, portsB)
  const nodes = [one, two]

  /** Brings what B has sent since to both nodes at once, as if the answer to its first attempt had been lost. */
  const bringToBoth = async (messages: Sink['messages']): Promise<void> => {
    for (const { from, to, bytes } of messages) {
      const answers = await Promise.all(nodes.map((node) => node.bring({ from, to }, bytes)))
      assert.deepEqual(
        answers.map(({ dot }) => dot?.code),
        [250, 250],
      )
    }
    await Promise.all(nodes.map((node) => node.quiet()))
  }

  for (const [at, node] of nodes.entries())
    await t.test(`of a message submitted on node ${at + 1}, receipts that come to both are passed on once`, async () => {
      const before = sink.messages.length
      const identifier = await node.submitted(MARIO, [UGO], letter(MARIO, UGO))
      await sink.waitFor(before + 2, 30_000)
      await bringToBoth(sink.messages.slice(before))
      for (const kind of ['acceptance', 'delivery'] as const) await two.waitForLetters(MARIO, 1, isOf(kind, identifier))
      await two.waitForLetters(RECEIPTS_A, 1, isOf('take-charge', identifier))
      const outcomes = await server.run(`select outcome from recipient where identifier = '${identifier}'`, 'pec')
      assert.deepEqual(outcomes, [{ outcome: 'delivered' }])
    })

  await t.test('a message that comes to both is delivered once, with one receipt of each kind', async () => {
    const before = sink.messages.length
    const identifier = await b.submitted(UGO, [MARIO], letter(UGO, MARIO))
    await sink.waitFor(before + 1, 30_000)
    await bringToBoth(sink.messages.slice(before))
    await b.waitForLetters(UGO, 1, isOf('delivery', identifier))
    await b.quiet()
    await b.waitForLetters(UGO, 1, isOf('delivery', identifier))
    await b.waitForLetters(RECEIPTS_B, 1, isOf('take-charge', identifier))
    await two.waitForLetters(MARIO, 1, isOf('transport', identifier))
  })

  await t.test('the time limits of a node that dies are looked after by the other within a minute', async () => {
    assert.deepEqual(await holder(), firstHolder)
    await b.instance.kill()
    const identifier = await one.submitted(MARIO, [UGO], letter(MARIO, UGO))
    await one.instance.kill()
    const died = performance.now()
    const notices = async (): Promise<number> => (await two.letters(MARIO)).filter(isOf('time-limit', identifier)).length
    await two.until('notice from the node that is left', async () => (await notices()) > 0, REPLACED_MS)
    assert.ok(performance.now() - died < REPLACED_MS)
    assert.notDeepEqual(await holder(), firstHolder)
    await two.quiet()
    assert.equal(await notices(), 1)
  })
})
