import assert from 'node:assert/strict'
import { createPublicKey, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, before, beforeEach, describe, test } from 'node:test'
import { isPecError } from '../../src/errors.js'
import { processTree } from '../../src/lab/processes.js'
import { within } from '../../src/lab/within.js'
import { fromBuffer } from '../../src/mail/source.js'
import type { KeyAndCertificate } from '../../src/smime/issue.js'
import { signDetached } from '../../src/smime/sign.js'
import { openTokenSigner, type TokenSigner, type TokenSignerSettings } from '../../src/tokens/token-signer.js'
import { PIN, SOFTHSM, SoftHsm } from '../../src/lab/softhsm.js'
import { makeProvider, openssl, temporaryDirectory, writeFiles } from '../smime/fixtures.js'

const DATA = Buffer.alloc(120, 'signed attributes')
const PATIENCE_MS = 20_000

describe('a signer in tokens', () => {
  let directory: string
  let owners: Readonly<Record<'rsa' | 'ec' | 'stranger', { authority: KeyAndCertificate; provider: KeyAndCertificate }>>
  let hsm: SoftHsm
  let events: string[]
  const signers: TokenSigner[] = []

  before(async () => {
    directory = await temporaryDirectory()
    owners = { rsa: await makeProvider({ keyKind: 'rsa-2048' }), ec: await makeProvider(), stranger: await makeProvider() }
    for (const [kind, { authority, provider }] of Object.entries(owners))
      await writeFiles(directory, { [`${kind}.pem`]: provider.certificate, [`${kind}-ca.pem`]: authority.certificate })
    await writeFile(join(directory, 'pin'), `${PIN}\n`, { mode: 0o600 })
    await writeFile(join(directory, 'wrong'), '000000', { mode: 0o600 })
  })

  let count = 0
  const fresh = async (mechanisms?: string): Promise<void> => {
    const place = join(directory, `hsm-${++count}`)
    await mkdir(place)
    hsm = await SoftHsm.make(place, mechanisms)
    process.env['SOFTHSM2_CONF'] = hsm.config
  }
  beforeEach(async () => {
    events = []
    await fresh()
  })
  afterEach(async () => {
    for (const signer of signers.splice(0)) signer.close()
    await within(PATIENCE_MS, 'processes that hold tokens are left', () => holders().length === 0)
  })

  const settings = (changes: Partial<TokenSignerSettings> = {}): TokenSignerSettings => ({
    ...{ module: SOFTHSM, tokens: ['first', 'second'], keyLabel: 'pec', keyId: undefined, pin: { file: join(directory, 'pin') } },
    ...{ sessions: 4, timeout: 10, files: { certificate: join(directory, 'rsa.pem') }, start: 'strict' },
    onEvent: (message) => events.push(message),
    ...changes,
  })
  const open = async (changes?: Partial<TokenSignerSettings>): Promise<TokenSigner> => {
    const signer = await openTokenSigner(settings(changes))
    signers.push(signer)
    return signer
  }
  const faultsOf = async (changes: Partial<TokenSignerSettings>): Promise<string> => {
    const error: unknown = await open(changes).then(
      () => assert.fail('it opened'),
      (reason: unknown) => reason,
    )
    assert.ok(isPecError(error) && error.code === 'configuration' && !error.temporary, String(error))
    return error.message
  }
  const twoTokens = async (): Promise<void> => {
    await hsm.addToken('first', owners.rsa.provider.key)
    await hsm.addToken('second', owners.rsa.provider.key)
  }
  const heard = async (pattern: RegExp): Promise<void> => {
    const isHeard = () => events.some((event) => pattern.test(event))
    await within(PATIENCE_MS, `not heard: ${String(pattern)}`, isHeard).catch((error: unknown) => {
      throw new Error(`only heard: ${JSON.stringify(events)}`, { cause: error })
    })
  }
  /** When a process began, in ticks since the boot: the numbers of processes begin again. */
  const begun = (pid: number): number => Number(readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ')[19])
  /** The processes that hold tokens, the oldest first. */
  const holders = (): number[] =>
    processTree(process.pid)
      .filter((pid) => readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('token-process'))
      .toSorted((a, b) => begun(a) - begun(b))

  const kinds = [
    { name: 'RSA, digested in the token', kind: 'rsa', mechanisms: 'ALL' },
    { name: 'RSA, digested before', kind: 'rsa', mechanisms: 'CKM_RSA_PKCS' },
    { name: 'EC', kind: 'ec', mechanisms: 'ALL' },
  ] as const
  for (const { name, kind, mechanisms } of kinds) {
    test(`makes CMS signatures that openssl verifies: ${name}`, async () => {
      await fresh(mechanisms)
      await hsm.addToken('first', owners[kind].provider.key)
      const path = (file: string) => join(directory, file)
      const files = { certificate: path(`${kind}.pem`), chain: [path(`${kind}-ca.pem`)] }
      const signer = await open({ tokens: ['first'], files })
      assert.equal(signer.algorithm, kind)
      const content = Buffer.from('content\r\n')
      await writeFiles(directory, { content, 'signature.der': await signDetached(fromBuffer(content), signer, new Date()) })
      await openssl(
        ...['cms', '-verify', '-binary', '-inform', 'DER', '-in', path('signature.der'), '-content', path('content')],
        ...['-CAfile', path(`${kind}-ca.pem`), '-purpose', 'any', '-out', path('out')],
      )
    })
  }

  /** Signatures by many at a time until told to stop; none may fail or be wrong. */
  const load = (signer: TokenSigner) => {
    const publicKey = createPublicKey(owners.rsa.provider.certificate)
    let [going, made] = [true, 0]
    const lane = async (): Promise<void> => {
      while (going) {
        assert.ok(verify('sha256', DATA, publicKey, await signer.sign(DATA)))
        made += 1
      }
    }
    const lanes = Promise.all(Array.from({ length: 16 }, lane))
    lanes.catch(() => undefined)
    return {
      more: async (): Promise<void> => {
        const soon = made + 100
        await within(PATIENCE_MS, 'no more signatures', async () => {
          await Promise.race([lanes, new Promise((resolve) => setTimeout(resolve, 5))])
          return made >= soon
        })
      },
      stop: async (): Promise<void> => {
        going = false
        await lanes
      },
    }
  }

  test('loses no signature when the first token fails under load, and goes back to it', async () => {
    await twoTokens()
    const work = load(await open())
    await work.more()
    await hsm.takeAway('first')
    await heard(/token first: .*does not sign/)
    await work.more()
    await hsm.putBack('first')
    await heard(/token first signs again/)
    // The first is alone now.
    await hsm.takeAway('second')
    await work.more()
    await work.stop()
  })

  test('takes a call that hangs for a failure', async () => {
    await twoTokens()
    const signer = await open({ timeout: 1 })
    const work = load(signer)
    await work.more()
    // Those of an earlier test may take a moment to end.
    await within(PATIENCE_MS, 'two processes', () => holders().length === 2)
    process.kill(holders()[0] ?? 0, 'SIGSTOP')
    await heard(/token first: it did not answer within 1 s/)
    await work.more()
    await heard(/token first signs again/)
    await work.stop()
  })

  test('takes a process that dies for a failure', async () => {
    await twoTokens()
    const work = load(await open())
    await work.more()
    // Those of an earlier test may take a moment to end.
    await within(PATIENCE_MS, 'two processes', () => holders().length === 2)
    process.kill(holders()[0] ?? 0, 'SIGKILL')
    await heard(/token first: its process ended by itself \(SIGKILL\)/)
    await work.more()
    await heard(/token first signs again/)
    await work.stop()
  })

  test('fails for the time being when no token is left, until one is back', async () => {
    await twoTokens()
    const signer = await open()
    await hsm.takeAway('first')
    await hsm.takeAway('second')
    await assert.rejects(
      signer.sign(DATA),
      (error) => isPecError(error) && error.code === 'signer' && error.temporary && /first.*second/.test(error.message),
    )
    await hsm.putBack('second')
    await heard(/token second signs again/)
    await signer.sign(DATA)
  })

  test('starts with the second token alone, and with none only where the service runs already', async () => {
    await twoTokens()
    await hsm.takeAway('first')
    await (await open()).sign(DATA)
    assert.match(events.join('\n'), /token first: it is not there; the library has second/)
    await hsm.takeAway('second')
    assert.match(await faultsOf({}), /token first: it is not there.*token second: it is not there/)
    const patient = await open({ start: 'patient' })
    await assert.rejects(patient.sign(DATA), /no token can sign/)
    await hsm.putBack('second')
    await within(PATIENCE_MS, 'no token', () =>
      patient.sign(DATA).then(
        () => true,
        () => false,
      ),
    )
  })

  test('stops the start at a wrong PIN, without a second attempt', async () => {
    await hsm.addToken('first', owners.rsa.provider.key)
    const wrong = { tokens: ['first'], pin: { file: join(directory, 'wrong') } }
    assert.match(await faultsOf(wrong), /token first: it does not take the PIN \(CKR_PIN_INCORRECT\)/)
    await within(PATIENCE_MS, 'its process is left', () => holders().length === 0)
    const patient = await open({ ...wrong, start: 'patient' })
    // Well beyond the first delay, in which a token that is away would be tried again.
    await new Promise((resolve) => setTimeout(resolve, 600))
    assert.equal(holders().length, 0)
    assert.equal(events.length, 1)
    await assert.rejects(patient.sign(DATA), /does not take the PIN/)
    assert.ok(!`${events.join()}${await faultsOf(wrong)}`.includes('000000'))
  })

  test('names what must be set right in a token', async () => {
    await hsm.addToken('first', owners.stranger.provider.key, owners.rsa.provider.key)
    await hsm.addToken('second', owners.rsa.provider.key)
    assert.match(await faultsOf({}), /token first: its key does not match the certificate/)
    assert.match(await faultsOf({ keyLabel: 'absent' }), /token second: no private key in it has that label and id/)
    assert.match(await faultsOf({ keyLabel: undefined }), /token first: several private keys/)
    assert.match(await faultsOf({ module: '/absent.so' }), /the PKCS#11 library cannot be loaded/)
    await hsm.addToken('second')
    assert.match(await faultsOf({}), /token second: several tokens have that label/)
    await (await open({ tokens: ['first'], keyLabel: undefined, keyId: '02' })).sign(DATA)
  })

  test('takes the PIN from a variable, or from a file that is private', async () => {
    await hsm.addToken('first', owners.rsa.provider.key)
    process.env['TEST_PIN'] = PIN
    await (await open({ tokens: ['first'], pin: { variable: 'TEST_PIN' } })).sign(DATA)
    assert.match(await faultsOf({ pin: { variable: 'ABSENT_PIN' } }), /the environment variable ABSENT_PIN .* is not set/)
    await writeFiles(directory, { exposed: PIN, empty: '' })
    const exposed = join(directory, 'exposed')
    assert.match(await faultsOf({ pin: { file: exposed } }), /exposed cannot be used: others than its owner may read it/)
    await chmod(exposed, 0o600)
    await (await open({ tokens: ['first'], pin: { file: exposed } })).sign(DATA)
    await chmod(join(directory, 'empty'), 0o600)
    assert.match(await faultsOf({ pin: { file: join(directory, 'empty') } }), /is empty/)
    assert.match(await faultsOf({ pin: { file: join(directory, 'absent') } }), /absent cannot be used: ENOENT/)
  })
})
