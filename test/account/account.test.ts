// The pages of [account], over HTTPS and on a directory in a file; most of all that on which people change their passwords.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { Administration } from '../../src/account/administration.js'
import { administrationPage } from '../../src/account/administration-page.js'
import { LoginTries } from '../../src/account/login-tries.js'
import { PasswordChanges } from '../../src/account/password-change.js'
import { passwordPage } from '../../src/account/password-page.js'
import { openAccountServer } from '../../src/account/server.js'
import { DomainAccounts } from '../../src/directory/domain-accounts.js'
import { FileAccounts } from '../../src/directory/file-accounts.js'
import { FileDirectory } from '../../src/directory/file-directory.js'
import { PasswordVerifier } from '../../src/directory/password.js'
import { Provisioning } from '../../src/directory/provisioning.js'
import { PecError } from '../../src/errors.js'
import type { Entry } from '../../src/points/ports.js'
import { freePort } from '../../src/lab/ports.js'
import { tlsIdentity, type TlsIdentity } from '../harness/certificates.js'

const START = Date.parse('2026-11-27T10:00:00Z')
const DAY_MS = 86_400_000
const ANNA = 'anna@pec-a.test'
const ADMINISTRATOR = 'capo@pec-a.test'
const SHARED = 'protocollo@pec-a.test'
const folder = mkdtempSync(join(tmpdir(), 'pec-account-'))
const endings: (() => unknown)[] = [() => rmSync(folder, { recursive: true })]
after(() => endings.forEach((end) => void end()))

let identity: TlsIdentity
before(async () => void (identity = await tlsIdentity()))

interface Answer {
  readonly status: number | undefined
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

let now: number
let isLedgerAway: boolean
let acts: string[]
let failures: string[]
let directory: FileDirectory
let ask: (method: string, body?: string, headers?: Readonly<Record<string, string>>, path?: string) => Promise<Answer>
const form = (values: Readonly<Record<string, string>>) => ask('POST', new URLSearchParams(values).toString())
const change = (login: string, old: string, chosen: string, again = chosen) => form({ login, old, chosen, again })
const opens = (login: string, password: string) => {
  now += 1000
  return directory.authenticate(login, password)
}

let count = 0
beforeEach(async () => {
  ;[now, isLedgerAway, acts, failures] = [START, false, [], []]
  const clock = (): Date => new Date(now)
  const path = join(folder, `directory-${++count}.json`)
  const accounts = new FileAccounts(path, { N: 16, r: 1, p: 1 })
  const until = new Date(START + 3 * DAY_MS)
  await accounts.addDomain('pec-a.test')
  await accounts.add({ address: ANNA, kind: 'individual', secret: { password: 'per ora', until }, aliases: ['a@pec-a.test'] })
  await accounts.add({ address: SHARED, kind: 'shared', secret: undefined })
  await accounts.setOperator(SHARED, 'rossi', { password: 'per ora', until })
  await accounts.addAdministrator(ADMINISTRATOR, { password: 'per ora', until })
  directory = FileDirectory.open({ path, clock, onEvent: () => undefined, verifier: new PasswordVerifier() })
  const commit = ({ events }: Entry): Promise<void> => {
    if (isLedgerAway) return Promise.reject(new PecError('ledger', 'the database is away', { temporary: true }))
    acts.push(
      ...events.map(({ sender, recipients, subject, outcome }) => [sender, recipients.join(), subject, outcome].join('; ')),
    )
    return Promise.resolve()
  }
  const register = { ledger: { commit }, clock, provider: 'A' }
  const tries = new LoginTries(clock)
  const changes = new PasswordChanges({
    ...{ directory, tries, length: 8 },
    accountsOf: (by) => new Provisioning(accounts, { ...register, by }),
  })
  const administration = new Administration({
    ...{ directory, tries, clock, passwordDays: 3 },
    accountsOf: (by, domain) =>
      new Provisioning(new DomainAccounts(accounts, domain, () => Promise.resolve(undefined)), { ...register, by }),
    onRefusal: (line) => failures.push(line),
  })
  const provider = 'Gestore <A> & "figli"'
  const port = await freePort()
  const server = await openAccountServer({
    listen: { host: '127.0.0.1', port },
    identity,
    pages: new Map([
      ['/', passwordPage({ provider, length: 8 }, changes)],
      ['/dominio', administrationPage(provider, '/dominio', administration)],
    ]),
    onFailure: (line) => failures.push(line),
  })
  endings.unshift(() => server.close())
  assert.equal((server.address() as AddressInfo).port, port)
  ask = (method, body, headers = { 'Content-Type': 'application/x-www-form-urlencoded' }, path = '/') =>
    new Promise((resolve, reject) => {
      const asking = request({ host: 'localhost', port, method, path, ca: identity.ca, headers, agent: false }, (response) => {
        const pieces: Buffer[] = []
        response.on('data', (piece: Buffer) => pieces.push(piece))
        response.once('end', () =>
          resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(pieces).toString('utf8') }),
        )
      })
      asking.once('error', reject)
      asking.end(body)
    })
})

test('a temporary password is changed for a lasting one, and the register has by whom', async () => {
  assert.equal((await opens(ANNA, 'per ora'))?.temporary, true)
  const { status, body } = await change('A@pec-a.test', 'per ora', 'tutta mia, così')
  assert.equal(status, 200)
  assert.match(body, /è stata cambiata/)
  assert.equal((await opens(ANNA, 'tutta mia, così'))?.temporary, false)
  assert.equal(await opens(ANNA, 'per ora'), undefined)
  assert.deepEqual(acts, [`a@pec-a.test; ${ANNA}; password; asked for`, `a@pec-a.test; ${ANNA}; password; done`])
})

test('an operator changes the password that is theirs', async () => {
  assert.equal((await change(`${SHARED}*Rossi`, 'per ora', 'quella di Rossi')).status, 200)
  assert.equal((await opens(`${SHARED}*rossi`, 'quella di Rossi'))?.temporary, false)
  assert.match(acts.at(-1) ?? '', /^protocollo@pec-a\.test\*rossi; protocollo@pec-a\.test; operator rossi, password; done$/)
})

test('an administrator changes the temporary password, and provides for the domain with the other one', async () => {
  const act = (values: Readonly<Record<string, string>>, more: Readonly<Record<string, string>> = {}) => {
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded', ...more }
    return ask('POST', new URLSearchParams({ login: ADMINISTRATOR, ...values }).toString(), headers, '/dominio')
  }
  const suspend = { password: 'tutta mia', act: 'suspend', address: ANNA }
  assert.match((await ask('GET', undefined, {}, '/dominio')).body, /<form method="post" action="\/dominio"/)
  assert.equal((await act({ ...suspend, password: 'per ora' })).status, 403)
  assert.equal((await change(ADMINISTRATOR, 'per ora', 'tutta mia')).status, 200)
  assert.match(acts.at(-1) ?? '', /^capo@pec-a\.test; capo@pec-a\.test; administrator, password; done$/)
  now += 1000
  for (const site of ['cross-site', 'same-site']) assert.equal((await act(suspend, { 'Sec-Fetch-Site': site })).status, 403, site)
  assert.equal((await directory.mailbox(ANNA))?.state, 'active')
  assert.equal((await act(suspend, { 'Sec-Fetch-Site': 'same-origin' })).status, 200)
  now += 1000
  assert.equal((await directory.mailbox(ANNA))?.state, 'suspended')
  assert.equal(acts.at(-1), `${ADMINISTRATOR}; ${ANNA}; suspended; done`)
  assert.equal(await opens(ADMINISTRATOR, 'tutta mia'), undefined, 'no mailbox')
})

test('nothing is changed for who does not know the password, or chooses a bad one', async () => {
  const cases: readonly [readonly [string, string, string, string?], number, RegExp][] = [
    [[ANNA, 'sbagliata', 'abbastanza lunga'], 403, /non sono giusti/],
    [['nessuno@pec-a.test', 'per ora', 'abbastanza lunga'], 403, /non sono giusti/],
    [[SHARED, 'per ora', 'abbastanza lunga'], 403, /non sono giusti/],
    [[`${SHARED}*verdi`, 'per ora', 'abbastanza lunga'], 403, /non sono giusti/],
    [[ANNA, '', 'abbastanza lunga'], 403, /non sono giusti/],
    [[ANNA, 'per ora', 'corta'], 400, /troppo corta/],
    [[ANNA, 'per ora', ANNA], 400, /non può essere l&#39;indirizzo/],
    [[ANNA, 'per ora', 'abbastanza lunga', 'abbastanza lunga!'], 400, /non sono uguali/],
    [[ANNA, 'abbastanza lunga', 'abbastanza lunga'], 400, /diversa/],
  ]
  for (const [args, status, words] of cases) {
    const answer = await change(...args)
    assert.equal(answer.status, status, args.join(' '))
    assert.match(answer.body, words)
  }
  assert.deepEqual(acts, [])
  assert.equal((await opens(ANNA, 'per ora'))?.temporary, true)
})

test('a temporary password that has ended opens nothing, this page neither', async () => {
  now += 3 * DAY_MS
  assert.equal((await change(ANNA, 'per ora', 'abbastanza lunga')).status, 403)
})

test('passwords are not guessed at leisure', async () => {
  for (let tries = 0; tries < 10; tries += 1) assert.equal((await change(ANNA, `prova ${tries}`, 'abbastanza lunga')).status, 403)
  assert.equal((await change(ANNA, 'per ora', 'abbastanza lunga')).status, 429)
  for (let tries = 11; tries < 50; tries += 1)
    assert.equal((await change(`${tries % 8}@pec-a.test`, 'x', 'abbastanza lunga')).status, 403)
  assert.equal((await change(`${SHARED}*rossi`, 'per ora', 'abbastanza lunga')).status, 429, 'nor from one client')
  now += 15 * 60_000
  assert.equal((await change(ANNA, 'per ora', 'abbastanza lunga')).status, 200)
})

test('what cannot be recorded is not done, and what failed is told to the log only', async () => {
  isLedgerAway = true
  const { status, body } = await change(ANNA, 'per ora', 'abbastanza lunga')
  assert.equal(status, 503)
  assert.ok(!body.includes('database'))
  assert.deepEqual(failures, ['/ of [account] could not do its work: the database is away'])
  assert.equal((await opens(ANNA, 'per ora'))?.temporary, true)
})

test('the page repeats nothing as markup, keeps nothing, and loads nothing', async () => {
  const { body, headers } = await change(`"><script>alert('1')</script>&`, 'segreta vecchia', 'segreta nuova')
  assert.ok(!/<script|segreta|'1'/.test(body), body)
  assert.match(body, /value="&#34;&#62;&#60;script&#62;/)
  assert.match(body, /<h1>Gestore &#60;A&#62; &#38; &#34;figli&#34;<\/h1>/)
  assert.match(String(headers['content-security-policy']), /^default-src 'none'; form-action 'self'; frame-ancestors 'none'/)
  assert.equal(headers['cache-control'], 'no-store')
  assert.equal(headers['set-cookie'], undefined)
  assert.match((await ask('GET')).body, /<form method="post" action="\/"/)
})

test('only a form of bounded size is taken, by POST', async () => {
  const values = new URLSearchParams({ login: ANNA, old: 'per ora', chosen: 'abbastanza lunga', again: 'abbastanza lunga' })
  assert.equal((await ask('GET', undefined, {}, `/?${values.toString()}`)).status, 404)
  assert.equal((await ask('PUT', values.toString())).status, 405)
  assert.equal((await ask('POST', values.toString(), { 'Content-Type': 'text/plain' })).status, 415)
  assert.equal((await ask('POST', `${values.toString()}&x=${'x'.repeat(9000)}`)).status, 413)
  assert.equal((await form({})).status, 400)
  assert.deepEqual(acts, [])
})
