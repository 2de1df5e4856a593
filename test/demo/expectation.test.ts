import assert from 'node:assert/strict'
import { test } from 'node:test'
import { receiveAll, type Expected } from '../../src/demo/expectation.js'
import type { Letter } from '../../src/demo/letter.js'
import type { Outcome } from '../../src/demo/scenario.js'
import { Timeline } from '../../src/demo/timeline.js'
import type { AnomalyLetter, CertifiedLetter, Verified } from '../../src/demo/verification.js'

const INBOX = 'mario@pec-a.test'
const letter = (text: string): Letter => ({ inbox: INBOX, arrivedAt: new Date(), bytes: Buffer.from(`Subject: ${text}\r\n\r\n`) })

function certified(kind: CertifiedLetter['kind'], delivery?: string, provider = 'Provider A'): CertifiedLetter {
  const data = { delivery, receiptType: undefined, takenInCharge: [] } as unknown as CertifiedLetter['data']
  return { kind, provider, data, original: undefined }
}

const acceptance: Expected = { kind: 'acceptance', inbox: INBOX, provider: 'Provider A', faults: () => Promise.resolve([]) }
const fine = (of: Letter): Promise<Verified> =>
  Promise.resolve({ letter: of, passed: ['signature'], faults: [], certified: certified('acceptance') })

function receive(
  arriving: readonly Letter[],
  expected: readonly Expected[],
  verify: (of: Letter) => Promise<Verified> = fine,
  patience = 300,
): Promise<Outcome> {
  const waiting = [...arriving]
  return receiveAll({
    inboxes: [{ address: INBOX, fresh: () => Promise.resolve(waiting.splice(0, 1)) }],
    timeline: new Timeline(() => undefined),
    signal: new AbortController().signal,
    ...{ expected, verify, patience },
  })
}

test('what is expected and right is no fault', async () => {
  const { letters, faults } = await receive([letter('one')], [acceptance])
  assert.equal(letters.length, 1)
  assert.deepEqual(faults, [])
})

test('what does not come is a fault', async () => {
  const { faults } = await receive([], [acceptance, { ...acceptance, kind: 'delivery', about: 'giulia@pec-b.test' }])
  assert.deepEqual(faults, [
    'mario@pec-a.test: no acceptance message came within 0.3 s',
    'mario@pec-a.test: no delivery message about giulia@pec-b.test came within 0.3 s',
  ])
})

test('what comes twice is a fault', async () => {
  const { letters, faults } = await receive([letter('one'), letter('two')], [acceptance])
  assert.equal(letters.length, 2)
  assert.deepEqual(faults, ['mario@pec-a.test: nobody should have sent this message'])
})

test('a receipt about somebody else does not count', async () => {
  const about = (of: Letter): Promise<Verified> =>
    Promise.resolve({ letter: of, passed: [], faults: [], certified: certified('delivery', 'anna@pec-b.test') })
  const { faults } = await receive([letter('one')], [{ ...acceptance, kind: 'delivery', about: 'giulia@pec-b.test' }], about)
  assert.equal(faults.length, 2)
})

test('of two of one kind about one recipient, the first is held against the first that is expected', async () => {
  const faults = (fault: string) => () => Promise.resolve([fault])
  const { letters } = await receive(
    [letter('one'), letter('two')],
    [
      { ...acceptance, faults: faults('first') },
      { ...acceptance, faults: faults('second') },
    ],
  )
  assert.deepEqual(
    letters.map((each) => each.faults),
    [['first'], ['second']],
  )
})

test('an anomaly envelope is held against what it must say, and counts for nothing else', async () => {
  const reason = 'il messaggio non è firmato digitalmente'
  const anomaly = { kind: 'anomaly', provider: 'Provider A', reason, original: undefined } as const
  const strange = (of: Letter): Promise<Verified> => Promise.resolve({ letter: of, passed: [], faults: [], certified: anomaly })
  const expected: Expected = {
    ...{ kind: 'anomaly', inbox: INBOX, provider: 'Provider A' },
    faults: (found: AnomalyLetter) => Promise.resolve(found.reason === reason ? [] : ['another reason']),
  }
  assert.deepEqual((await receive([letter('one')], [expected], strange)).faults, [])
  assert.equal((await receive([letter('one')], [acceptance], strange)).faults.length, 2)
  const other = { ...expected, faults: () => Promise.resolve(['another reason']) }
  assert.deepEqual((await receive([letter('one')], [other], strange)).faults, [`${INBOX}: another reason`])
})

test('where nothing is expected, whatever comes is a fault, and no more time than that is lost', async () => {
  const begun = performance.now()
  assert.deepEqual((await receive([], [], fine, 20_000)).faults, [])
  assert.ok(performance.now() - begun < 10_000)
  assert.deepEqual((await receive([letter('one')], [])).faults, [`${INBOX}: nobody should have sent this message`])
})

test('contents and signer must be right too', async () => {
  const other = (of: Letter): Promise<Verified> =>
    Promise.resolve({ letter: of, passed: [], faults: [], certified: certified('acceptance', undefined, 'Provider B') })
  const { faults } = await receive(
    [letter('one')],
    [{ ...acceptance, faults: () => Promise.resolve(['the subject is missing']) }],
    other,
  )
  assert.deepEqual(faults, [
    'mario@pec-a.test: it is signed by Provider B, not by Provider A',
    'mario@pec-a.test: the subject is missing',
  ])
})

test('a message that does not verify is a fault, whatever it says it is', async () => {
  const broken = (of: Letter): Promise<Verified> =>
    Promise.resolve({ letter: of, passed: [], faults: ['Provider A: the signature does not verify'], certified: undefined })
  const { faults } = await receive([letter('one')], [acceptance], broken)
  assert.deepEqual(faults, [
    'mario@pec-a.test: Provider A: the signature does not verify',
    'mario@pec-a.test: no acceptance message came within 0.3 s',
  ])
})

test('an interrupt ends the wait', async () => {
  const wait = { inboxes: [], expected: [acceptance], timeline: new Timeline(() => undefined), verify: fine }
  await assert.rejects(receiveAll({ ...wait, signal: AbortSignal.abort(new Error('interrupted')) }))
})
