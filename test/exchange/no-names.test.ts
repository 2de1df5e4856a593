// A gateway whose name servers fail: mail for other domains waits, and nobody is told that a domain is not there until a name server says so.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { freePorts } from '../../src/lab/ports.js'
import { Laboratory } from '../harness/laboratory.js'
import { downAt } from './figures.js'
import { TestGateway } from './gateway.js'
import { isOf } from './letter.js'
import { NXDOMAIN, SERVFAIL, startNames } from './names.js'
import { original, PLAIN } from './originals.js'

const MARIO = 'mario@pec-a.test'
const ANNA = 'anna@pec-a.test'
const UGO = 'ugo@ordinary.test'

test('a gateway whose name servers fail', { timeout: 240_000 }, async (t) => {
  const lab = new Laboratory(t)
  let code: number | undefined
  const [monitor = 0] = await freePorts(1)
  const gateway = await TestGateway.open(lab, {
    ...{ mailboxes: [MARIO, ANNA], environment: await startNames(lab, () => code) },
    settings: { monitor: { listen: `127.0.0.1:${monitor}` } },
    outbound: { temp_fail_intervals: '5s*100' },
  })
  const attempts = (): number =>
    gateway.instance.log.match(/the DNS does not tell where mail for ordinary\.test goes/g)?.length ?? 0
  const identifier = await gateway.submitted(MARIO, [UGO], original({ from: MARIO, to: [UGO] }, 'Senza nomi', ...PLAIN))
  const receipts = async (): Promise<readonly (string | undefined)[]> =>
    (await gateway.letters(MARIO)).filter(({ data }) => data?.identifier === identifier).map(({ kind }) => kind)

  await t.test('to answer at all: what needs no names goes on meanwhile', async () => {
    const local = await gateway.submitted(MARIO, [ANNA], original({ from: MARIO, to: [ANNA] }, 'In casa', ...PLAIN))
    await gateway.waitForLetters(MARIO, 1, isOf('delivery', local))
    assert.equal(attempts(), 0, 'the name servers have answered')
    await gateway.until('an end to the wait', () => attempts() >= 1, 90_000)
    assert.match(gateway.instance.log, /dns does not work \(dns\): .*ETIMEOUT/)
    assert.equal(await downAt(monitor, 'dns'), 1)
    await gateway.quiet(1)
    assert.deepEqual(await receipts(), ['acceptance'])
  })

  await t.test('to answer as they should: the message waits', async () => {
    code = SERVFAIL
    const before = attempts()
    await gateway.until('word of several attempts', () => attempts() >= before + 2, 90_000)
    assert.equal(await downAt(monitor, 'dns'), 1)
    await gateway.quiet(1)
    assert.deepEqual(await receipts(), ['acceptance'])
  })

  await t.test('until they say that there is no such domain', async () => {
    code = NXDOMAIN
    await gateway.quiet()
    assert.match(gateway.instance.log, /dns works again/)
    assert.equal(await downAt(monitor, 'dns'), 0)
    await gateway.waitForLetters(MARIO, 1, isOf('acceptance', identifier))
    assert.equal((await receipts()).length, 2, 'the acceptance, and one notice')
  })
})
