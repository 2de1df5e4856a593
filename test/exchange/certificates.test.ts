// Users whose mail programs log in with certificates (A1): in the place of a password, and beside one.
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { createTransport } from 'nodemailer'
import type SMTPTransport from 'nodemailer/lib/smtp-transport'
import { setKeys } from '../../src/cli/settings.js'
import { markOf } from '../../src/directory/certificate-marks.js'
import { updateMailbox } from '../../src/directory/directory-edit.js'
import type { SmtpClient } from '../../src/lab/smtp-client.js'
import { parseCertificate } from '../../src/smime/certificate.js'
import { issueAuthority, issueRevocationList, issueUserCertificate, type KeyAndCertificate } from '../../src/smime/issue.js'
import { readPem } from '../../src/smime/pem.js'
import { Laboratory } from '../harness/laboratory.js'
import { OcspResponder } from '../harness/ocsp.js'
import { choosePorts, PASSWORD, PROGRAM, TestGateway } from './gateway.js'
import { isOf } from './letter.js'
import { original, PLAIN } from './originals.js'

const MARIO = 'mario@pec-a.test'
const LUCIA = 'lucia@pec-a.test'
const PROGRAMS = 'programmi@pec-a.test'
const REFUSED = '535 5.7.8 Authentication failed'

const derOf = ({ certificate }: KeyAndCertificate): Buffer => readPem(Buffer.from(certificate), 'CERTIFICATE')[0] ?? assert.fail()
const base64 = (text: string): string => Buffer.from(text).toString('base64')

test('client certificates', { timeout: 180_000 }, async (t) => {
  const lab = new Laboratory(t)
  const folder = await lab.directory()
  const authority = await issueAuthority({ name: 'Utenti', keyKind: 'p-256' })
  const stranger = await issueAuthority({ name: 'Utenti', keyKind: 'p-256' })
  const issued = (address: string, by = authority): Promise<KeyAndCertificate> =>
    issueUserCertificate({ authority: by, name: address, addresses: [address], keyKind: 'p-256' })
  const [mario, lucia, revoked, foreign] = await Promise.all([
    issued(MARIO),
    issued(LUCIA),
    issued(MARIO),
    issued(MARIO, stranger),
  ])
  // An authority without a list, whose responder is asked.
  const responder = await OcspResponder.listen()
  lab.atClose(() => responder.close())
  const online = await issueAuthority({ name: 'Utenti in linea', keyKind: 'p-256' })
  const answered = (): Promise<KeyAndCertificate> =>
    issueUserCertificate({ authority: online, name: MARIO, addresses: [MARIO], keyKind: 'p-256', ocspUrl: responder.url })
  const [good, withdrawn, unknown] = await Promise.all([answered(), answered(), answered()])
  const certificates = [{ certificate: good }, { certificate: withdrawn, revokedAt: new Date(Date.now() - 60_000) }]
  await responder.answerBy({ authority: online, certificates, minutes: 30 })
  const serialNumber = parseCertificate(derOf(revoked)).serialNumber.toString('hex')
  const list = issueRevocationList({ authority, revoked: [{ serialNumber, at: new Date(Date.now() - 60_000) }] })
  const path = (name: string): string => join(folder, name)
  for (const [name, text] of Object.entries({
    'users.pem': authority.certificate + online.certificate,
    'users-crl.pem': list,
    'mario.pem': mario.certificate,
    'mario-key.pem': mario.key,
  }))
    await writeFile(path(name), text, { mode: 0o600 })

  const ports = await choosePorts()
  const settings = {
    client_certificates: { login: 'allowed', authorities: path('users.pem') },
    trust: { crl: `config/test_authority_crl.pem, ${path('users-crl.pem')}` },
  }
  const prepare = async (directory: string): Promise<void> => {
    await setKeys(join(directory, 'config', 'tls.ini'), { main: { requestCert: 'true' } })
    const file = join(directory, 'directory.json')
    await updateMailbox(file, MARIO, { certificates: ['address'] })
    const pec = (...args: string[]) => promisify(execFile)(process.execPath, [PROGRAM, 'mailbox', ...args])
    const mark = markOf(derOf(mario))
    assert.equal((await pec('certificate', 'add', directory, LUCIA, path('mario.pem'))).stdout, `${mark} opens ${LUCIA}.\n`)
    assert.ok((await pec('show', directory, LUCIA)).stdout.includes(`client certificates: ${mark}\n`))
    await assert.rejects(pec('certificate', 'add', directory, LUCIA, path('mario-key.pem')), /holds no certificate/)
    await pec('certificate', 'remove', directory, LUCIA, mark)
    await updateMailbox(file, LUCIA, { certificates: [markOf(derOf(lucia))] })
  }
  const gateway = await TestGateway.open(lab, { mailboxes: [MARIO, LUCIA, PROGRAMS], settings, prepare }, ports)
  const session = async (identity: KeyAndCertificate | undefined, way: 'smtps' | 'starttls'): Promise<SmtpClient> => {
    const shown = identity === undefined ? {} : { identity: { key: identity.key, cert: identity.certificate } }
    const port = way === 'smtps' ? ports.submission : ports.starttls
    const client = await lab.client({ port, implicitTls: way === 'smtps', ...shown })
    if (way === 'smtps') return client
    await client.ehlo()
    await client.startTls()
    return client
  }
  /** What is offered, and the answer to a command of AUTH. */
  const attempt = async (identity: KeyAndCertificate | undefined, command: string, way: 'smtps' | 'starttls' = 'smtps') => {
    const client = await session(identity, way)
    const offered = (await client.ehlo()).lines.find((line) => line.startsWith('AUTH ')) ?? ''
    const { code, lines } = await client.command(command)
    client.destroy()
    return [offered, `${code} ${lines.join(' ')}`] as const
  }
  const BOTH = 'AUTH PLAIN LOGIN EXTERNAL'

  await t.test('log in by their address or their fingerprint, over both kinds of TLS', async () => {
    for (const way of ['smtps', 'starttls'] as const)
      for (const [identity, login] of [
        [mario, '='],
        [mario, base64(MARIO)],
        [lucia, '='],
        [lucia, base64(LUCIA)],
      ] as const)
        assert.deepEqual(await attempt(identity, `AUTH EXTERNAL ${login}`, way), [BOTH, '235 2.7.0 Authentication successful'])
  })

  await t.test('log in in two steps, and write in the name of their mailbox only', async () => {
    const client = await session(mario, 'starttls')
    await client.ehlo()
    assert.equal((await client.command('AUTH EXTERNAL')).code, 334)
    assert.equal((await client.command('*')).code, 501)
    assert.equal((await client.command('AUTH EXTERNAL')).code, 334)
    assert.equal((await client.command('')).code, 235)
    assert.equal((await client.command(`MAIL FROM:<${LUCIA}>`)).code, 553)
    const { dot } = await client.send({ from: MARIO, to: [LUCIA] }, original({ from: MARIO, to: [LUCIA] }, 'uno', ...PLAIN))
    assert.equal(dot?.code, 250)
    client.destroy()
    await gateway.waitForLetters(LUCIA, 1, isOf('transport'))
  })

  await t.test('open nothing that is not theirs, and are not asked for where they are not shown', async () => {
    const refusals = await Promise.all([
      attempt(mario, `AUTH EXTERNAL ${base64(LUCIA)}`),
      attempt(lucia, `AUTH EXTERNAL ${base64(MARIO)}`),
      attempt(revoked, 'AUTH EXTERNAL ='),
      attempt(foreign, `AUTH EXTERNAL ${base64(MARIO)}`, 'starttls'),
      attempt(mario, `AUTH EXTERNAL ${base64('nessuno@pec-a.test')}`),
    ])
    for (const refusal of refusals) assert.deepEqual(refusal, [BOTH, REFUSED])
    const [offered, answer] = await attempt(undefined, 'AUTH EXTERNAL =')
    assert.equal(offered, 'AUTH PLAIN LOGIN')
    assert.match(answer, /^5\d\d /)
    for (const identity of [undefined, foreign])
      assert.match((await attempt(identity, `AUTH PLAIN ${base64(`\0${MARIO}\0${PASSWORD}`)}`))[1], /^235/)
  })

  await t.test('are looked up with the responder that they name, where there is no list', async () => {
    for (let times = 0; times < 2; times++) assert.match((await attempt(good, 'AUTH EXTERNAL ='))[1], /^235/)
    assert.equal(responder.requests, 1)
    for (const identity of [withdrawn, unknown]) assert.equal((await attempt(identity, 'AUTH EXTERNAL ='))[1], REFUSED)
  })

  await t.test('are told in the log, each with its fingerprint', async () => {
    const lines = async (): Promise<readonly Record<string, string>[]> => {
      const names = (await readdir(join(gateway.directory, 'log'))).filter((name) => name.includes('_access_'))
      const texts = await Promise.all(names.map((name) => readFile(join(gateway.directory, 'log', name), 'utf8')))
      const read = texts
        .join('')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, string>)
      return read.filter(({ event }) => event === 'authentication')
    }
    const outcomesOf = async (certificate: KeyAndCertificate): Promise<readonly string[]> =>
      (await lines())
        .filter((line) => line['certificate'] === markOf(derOf(certificate)))
        .map(({ user, outcome }) => `${user} ${outcome}`)
    await gateway.until('lines of all attempts', async () => (await outcomesOf(foreign)).length === 2)
    assert.deepEqual([...new Set(await outcomesOf(lucia))].sort(), [
      `${LUCIA} passed`,
      `${MARIO} failed: client certificate: it is not registered for the mailbox`,
    ])
    assert.match((await outcomesOf(withdrawn)).join(), /was revoked at/)
    assert.match((await outcomesOf(unknown)).join(), /no revocation list for .*; the OCSP responder does not know/)
    assert.match((await outcomesOf(revoked)).join(), /failed: client certificate: .*CN=mario@pec-a\.test was revoked at/)
  })

  await t.test('are those of nodemailer and of openssl, too', async () => {
    const transport = createTransport({
      ...{ host: '127.0.0.1', port: ports.submission, secure: true },
      tls: { rejectUnauthorized: false, key: mario.key, cert: mario.certificate },
      auth: { type: 'custom', method: 'EXTERNAL', user: MARIO, pass: '' },
      customAuth: {
        EXTERNAL: async (exchange: { sendCommand(line: string): Promise<{ status: number }> }) => {
          const { status } = await exchange.sendCommand(`AUTH EXTERNAL ${base64(MARIO)}`)
          if (status !== 235) throw new Error(`${status}`)
        },
      },
    } as SMTPTransport.Options)
    const { response } = await transport.sendMail({ from: MARIO, to: LUCIA, subject: 'due', text: 'due' })
    assert.match(response, /^250 /)
    transport.close()

    const identity = ['-cert', path('mario.pem'), '-key', path('mario-key.pem')]
    const args = ['s_client', '-quiet', '-starttls', 'smtp', '-connect', `127.0.0.1:${ports.starttls}`, ...identity]
    const child = spawn('openssl', args, { stdio: ['pipe', 'pipe', 'ignore'] })
    lab.atClose(() => child.kill())
    let said = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
    child.stdin.write('EHLO client.test\r\n')
    await gateway.until('EXTERNAL offered to openssl', () => said.includes(BOTH))
    child.stdin.write('AUTH EXTERNAL =\r\n')
    await gateway.until('openssl logged in', () => said.includes('235 2.7.0'))
    child.stdin.end('QUIT\r\n')
    await once(child, 'exit')
  })

  await t.test('are needed beside the password, where that is required', async () => {
    await gateway.instance.stop()
    await setKeys(join(gateway.directory, 'config', 'pec.ini'), { client_certificates: { login: 'required', exempt: PROGRAMS } })
    await gateway.restart()
    const plain = `AUTH PLAIN ${base64(`\0${MARIO}\0${PASSWORD}`)}`
    assert.deepEqual(await attempt(mario, plain), ['AUTH PLAIN LOGIN', '235 2.7.0 Authentication successful'])
    for (const identity of [undefined, lucia, revoked, foreign])
      assert.match((await attempt(identity, plain, 'starttls'))[1], /^535 5\.7\.8 A client certificate of this mailbox is needed/)
    assert.equal((await attempt(mario, `AUTH PLAIN ${base64(`\0${MARIO}\0sbagliata`)}`))[1], REFUSED)
    assert.match((await attempt(mario, 'AUTH EXTERNAL ='))[1], /^5\d\d /)

    const shown = ['--tls-cert', path('mario.pem'), '--tls-key', path('mario-key.pem')]
    const login = ['--auth', 'PLAIN', '--auth-user', MARIO, '--auth-password', PASSWORD]
    const send = ['--from', MARIO, '--to', LUCIA, '--server', `127.0.0.1:${ports.starttls}`, '-tls', '--suppress-data']
    const { stdout } = await promisify(execFile)('swaks', [...send, ...login, ...shown])
    assert.match(stdout, /250 2\.6\.0 Message taken/)
    // A program that has no certificate.
    assert.match((await attempt(undefined, `AUTH PLAIN ${base64(`\0${PROGRAMS}\0${PASSWORD}`)}`))[1], /^235 /)
  })

  await t.test('need Haraka to ask for them', async () => {
    await gateway.instance.stop()
    await setKeys(join(gateway.directory, 'config', 'tls.ini'), { main: { requestCert: 'false' } })
    const check = promisify(execFile)(process.execPath, [PROGRAM, 'check-config', gateway.directory])
    await assert.rejects(check, /requestCert must be true/)
  })
})
