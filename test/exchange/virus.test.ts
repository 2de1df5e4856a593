// The gateway with Debian's clamd: what has a virus goes no further, and without clamd nothing does.
import assert from 'node:assert/strict'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { freePort } from '../../src/lab/ports.js'
import { clamdIsMissing, EICAR, EICAR_NAME, startClamd, type TestClamd } from '../harness/clamd.js'
import { Laboratory } from '../harness/laboratory.js'
import { assertFlawless, lacking } from './checker.js'
import { TestGateway } from './gateway.js'
import { isOf } from './letter.js'
import { original, PLAIN, type Shape } from './originals.js'
import { OUR_NAME, Peer } from './peer.js'

const MARIO = 'mario@pec-a.test'
const LUCIA = 'lucia@pec-a.test'
const UGO = 'ugo@pec-b.test'
const ZOE = 'zoe@mail.test'
const TO_LUCIA = { from: MARIO, to: [LUCIA] }

const INFECTED: Shape = [
  'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="a"',
  `--a\nContent-Type: text/plain\n\nIn allegato.\n--a\nContent-Type: application/octet-stream; name="eicar.com"\nContent-Transfer-Encoding: base64\n\n${Buffer.from(EICAR).toString('base64')}\n--a--\n`,
]

const infected = original(TO_LUCIA, 'Listino', ...INFECTED)
const clean = original(TO_LUCIA, 'Offerta', ...PLAIN)

const settingsOf = ({ endpoint }: TestClamd, timeout = 20): { readonly antivirus: Record<string, string> } => ({
  antivirus: {
    engine: 'clamd',
    socket: 'path' in endpoint ? endpoint.path : `${endpoint.host}:${endpoint.port}`,
    timeout: String(timeout),
  },
})

async function inQuarantine({ directory }: TestGateway): Promise<readonly string[]> {
  return (await readdir(join(directory, 'quarantine'))).map((name) => join(directory, 'quarantine', name))
}

test(
  'a user who submits a virus gets the notice, and the message is kept',
  { skip: clamdIsMissing, timeout: 120_000 },
  async (t) => {
    const lab = new Laboratory(t)
    const clamd = await startClamd(t, 'unix')
    const gateway = await TestGateway.open(lab, { mailboxes: [MARIO, LUCIA], settings: settingsOf(clamd) })
    const identifier = await gateway.submitted(MARIO, [LUCIA], infected)
    const [notice] = await gateway.waitForLetters(MARIO, 1)
    assert.equal(notice?.kind, 'non-acceptance')
    assert.deepEqual(notice.values('X-VerificaSicurezza'), ['errore'])
    assert.deepEqual([notice.data?.error, notice.data?.errorDetail], ['virus', EICAR_NAME])
    await gateway.quiet()
    assert.deepEqual(await gateway.letters(LUCIA), [])

    const [path = '', ...more] = await inQuarantine(gateway)
    assert.deepEqual(more, [])
    assert.ok((await readFile(path)).equals(infected), 'as it was submitted')
    assert.equal((await stat(path)).mode & 0o777, 0o600)
    const [row] = await gateway.ledger.quarantinedOf(identifier)
    assert.equal(path, join(gateway.directory, 'quarantine', `${row?.id ?? ''}.eml`))

    await gateway.submitted(MARIO, [LUCIA], clean)
    await gateway.waitForLetters(LUCIA, 1, isOf('transport'))
    if (lacking === false) await assertFlawless([notice.path], { ca: join(gateway.directory, 'config', 'pec_anchors.pem') })
  },
)

test(
  'nothing is taken while clamd is stopped or hangs, and all is well when it is back',
  { skip: clamdIsMissing, timeout: 180_000 },
  async (t) => {
    const lab = new Laboratory(t)
    const clamd = await startClamd(t, { port: await freePort() })
    const gateway = await TestGateway.open(lab, { mailboxes: [MARIO, LUCIA], settings: settingsOf(clamd, 2) })
    const ordinary = original({ from: ZOE, to: [MARIO] }, 'Saluti', ...PLAIN)
    const virusMail = original({ from: ZOE, to: [MARIO] }, 'Saluti', ...INFECTED)
    const toMario = { from: ZOE, to: [MARIO] }

    const assertNothingTaken = async (): Promise<void> => {
      for (const message of [clean, infected]) {
        const { dot } = await gateway.submit(MARIO, [LUCIA], message)
        assert.equal(dot?.code, 450)
        assert.match(dot.lines.join(' '), /^4\.3\.0 /)
      }
      for (const message of [ordinary, virusMail]) assert.equal((await gateway.bring(toMario, message)).dot?.code, 450)
      assert.deepEqual(await gateway.queued(), [])
      assert.deepEqual([await gateway.letters(MARIO), await gateway.letters(LUCIA)], [[], []])
      assert.deepEqual(await inQuarantine(gateway), [])
    }
    await clamd.stop()
    await assertNothingTaken()
    assert.match(gateway.instance.log, /\[CRIT\].*ALARM: no verdict from clamd at 127\.0\.0\.1:\d+.*ECONNREFUSED/)

    await clamd.start()
    clamd.freeze()
    await assertNothingTaken()
    assert.match(gateway.instance.log, /\[CRIT\].*no answer within 2 s/)

    clamd.thaw()
    await gateway.submitted(MARIO, [LUCIA], clean)
    await gateway.waitForLetters(LUCIA, 1, isOf('transport'))
    assert.equal((await gateway.bring(toMario, ordinary)).dot?.code, 250)
    await gateway.waitForLetters(MARIO, 1, isOf('anomaly'))

    const { dot } = await gateway.bring(toMario, virusMail)
    assert.equal(dot?.code, 550)
    assert.ok(dot.lines.join(' ').startsWith(`5.7.1 The message holds a virus: ${EICAR_NAME}`))
    await gateway.quiet()
    assert.equal((await gateway.letters(MARIO)).filter(isOf('anomaly')).length, 1)
    const refusals = (await gateway.ledger.eventsOf('')).filter(({ type }) => type === 'refusal')
    assert.deepEqual(
      refusals.map(({ sender, recipients }) => [sender, recipients]),
      [[ZOE, [MARIO]]],
    )
  },
)

test(
  "another provider's envelope with a virus is taken in charge, kept, and told to that provider for each recipient",
  { skip: clamdIsMissing === false ? lacking : clamdIsMissing, timeout: 180_000 },
  async (t) => {
    const lab = new Laboratory(t)
    const [clamd, peer] = await Promise.all([startClamd(t, 'unix'), Peer.open(lab, { twins: false })])
    const exchanger = await peer.exchanger()
    const routes = { 'pec-b.test': exchanger.port, 'altra-b.test': exchanger.port }
    const plan = { name: OUR_NAME, keys: peer.keys, mailboxes: [MARIO, LUCIA], routes, settings: settingsOf(clamd) }
    const gateway = await TestGateway.open(lab, plan)
    const path = await peer.keep(original({ from: UGO, to: [MARIO], cc: [LUCIA] }, 'Listino', ...INFECTED))
    const [envelope] = await peer.make({ make: 'envelope', options: { original: path } })
    assert.ok(envelope !== undefined)
    await peer.submit(envelope, UGO, [MARIO, LUCIA], gateway.mxPort)

    await gateway.until('three receipts at the peer', async () => (await exchanger.letters()).length >= 3)
    await gateway.quiet()
    const receipts = await exchanger.letters()
    const told = receipts.map(({ kind, data }) => [kind, data?.error, data?.delivery, data?.takenInCharge])
    assert.deepEqual(told.toSorted(), [
      ['take-charge', 'none', undefined, [MARIO, LUCIA]],
      ['virus-detection', 'virus', LUCIA, []],
      ['virus-detection', 'virus', MARIO, []],
    ])
    for (const receipt of receipts) {
      assert.deepEqual(receipt.values('X-Mittente'), receipt.kind === 'virus-detection' ? [UGO] : [])
      assert.deepEqual(receipt.values('To'), ['ricevute@pec-b.test'])
    }
    await assertFlawless([envelope.path, ...receipts.map((receipt) => receipt.path)], peer.standards, 'exchange')

    assert.deepEqual([await gateway.letters(MARIO), await gateway.letters(LUCIA)], [[], []])
    const identifier = envelope.data?.identifier ?? ''
    assert.equal(await gateway.outcomeOf(identifier, MARIO), 'virus')
    const [kept = '', ...more] = await inQuarantine(gateway)
    assert.deepEqual(more, [])
    assert.ok((await readFile(kept)).equals(envelope.bytes), 'as it came')
  },
)
