/** The faults of peer.py, another provider's software: the verdict on the form agrees with what it expects of a receiver. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fromBuffer } from '../../src/mail/source.js'
import { openPecMessage, readCertified, type FormalFaultKind } from '../../src/pec/message.js'

const PEER = join(__dirname, '..', '..', '..', 'shared', 'conformance', 'peer.py')
const available = existsSync(PEER) && spawnSync('openssl', ['version']).status === 0
const skip = available ? false : 'peer.py or openssl is not there'

/** What the form alone tells; the rest is for signature, index and ledger. */
const UNSIGNED = ['unsigned', 'nested-signed', 'extra-part']
const CORRECT = ['sha1', 'x-pkcs7', 'header-altered', 'header-case', 'daticert-doctype-public', 'daticert-stray-text']
const CORRECT_ENVELOPES = ['no-tiporicevuta', 'forged-inner-daticert', 'parts-reordered']
const FAULTY: Readonly<Record<string, FormalFaultKind>> = {
  opaque: 'enclosed-content',
  'missing-from': 'no-from',
  'x-trasporto-and-x-ricevuta': 'several-kinds',
  'missing-daticert': 'no-certification',
  'two-daticert': 'several-certifications',
  'daticert-not-xml': 'unreadable-certification',
  'daticert-doctype-entity': 'unreadable-certification',
  'daticert-wrong-tipo': 'other-kind',
}
const FAULTY_ENVELOPES: Readonly<Record<string, FormalFaultKind>> = {
  'wrong-identificativo': 'other-identifier',
  'missing-postacert': 'no-original',
}

describe('a message made by peer.py', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'pec-peer-'))
  const peer = (...args: readonly string[]): Buffer => execFileSync('python3', [PEER, ...args], { cwd: folder, maxBuffer: 1e8 })
  const addresses = ['--from', 'ugo@pec-b.test', '--to', 'mario@pec-a.test']
  const envelope = (fault?: string): Buffer =>
    peer('envelope', '--as', 'b', ...addresses, ...(fault === undefined ? [] : ['--fault', fault]))
  const receipt = (fault: string): Buffer =>
    peer('receipt', '--as', 'b', '--kind', 'avvenuta-consegna', '--for', 'e.eml', '--fault', fault)

  before(() => {
    peer('ca', 'ca')
    peer('provider', 'b', '--ca', 'ca', '--name', 'Provider B', '--domain', 'pec-b.test', '--no-twins')
    execFileSync('sh', ['-c', 'cat > e.eml'], { cwd: folder, input: envelope() })
  })
  after(() => rmSync(folder, { recursive: true }))

  const open = (bytes: Buffer) => openPecMessage(fromBuffer(bytes))

  for (const [make, unsigned, correct, faulty] of [
    [envelope, UNSIGNED, [...CORRECT, ...CORRECT_ENVELOPES, 'additional-part'], { ...FAULTY, ...FAULTY_ENVELOPES }],
    [receipt, UNSIGNED, [...CORRECT, 'additional-part', 'unknown-message'], FAULTY],
  ] as const) {
    const what = make === envelope ? 'envelope' : 'receipt'
    for (const fault of unsigned) {
      test(`${what}: ${fault} is not a signed message`, async () => assert.equal((await open(make(fault))).signed, undefined))
    }
    for (const fault of correct) {
      test(`${what}: ${fault} is correct`, async () => {
        const opened = await open(make(fault))
        assert.equal(opened.signed?.form, 'detached')
        const verdict = await readCertified(opened)
        assert.ok(verdict.correct, JSON.stringify(verdict))
        assert.equal(verdict.data.sender, 'ugo@pec-b.test')
      })
    }
    for (const [fault, expected] of Object.entries(faulty)) {
      test(`${what}: ${fault} has the fault ${expected}`, async () => {
        const opened = await open(make(fault))
        assert.notEqual(opened.signed, undefined)
        const verdict = await readCertified(opened)
        assert.ok(!verdict.correct)
        assert.deepEqual(
          verdict.faults.map(({ kind }) => kind),
          [expected],
        )
      })
    }
  }
})
