// A gateway whose users are in LDAP and whose mailboxes are Dovecot's, with the files of docker/: what a user sends over SMTPS with a mail
// client is read over IMAPS and POP3S, receipts and all. Requirements D1, D6, O2; RFC 6109 §3.3.3
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { connect } from 'node:tls'
import { ImapFlow } from 'imapflow'
import { createTransport } from 'nodemailer'
import { within } from '../../src/lab/within.js'
import { dovecotIsMissing, TestDovecot } from '../harness/dovecot.js'
import { Laboratory } from '../harness/laboratory.js'
import { slapdIsMissing, TestSlapd } from '../harness/slapd.js'
import { TestGateway } from './gateway.js'
import { letterOf, type Letter } from './letter.js'

const PASSWORD = 'segreto'
const ANNA = 'anna@pec-a.test'
const BRUNO = 'bruno@pec-a.test'
const SHARED = 'protocollo@comune.test'

const mailbox = (address: string, ...lines: string[]): string =>
  ['', `dn: mail=${address},ou=mailboxes,dc=pec`, 'objectClass: pecMailbox', `mail: ${address}`, ...lines, ''].join('\n')

const PEOPLE = [
  ...[ANNA, BRUNO, 'ricevute@pec-a.test'].map((address) => mailbox(address, `userPassword: ${PASSWORD}`)),
  mailbox('frozen@pec-a.test', 'pecState: frozen', `userPassword: ${PASSWORD}`),
  mailbox('full@pec-a.test', 'pecQuotaBytes: 2000', `userPassword: ${PASSWORD}`),
  mailbox(SHARED, 'pecKind: shared', 'pecAlias: ufficio@comune.test'),
  [
    '',
    'dn: uid=rossi,ou=operators,dc=pec',
    'objectClass: inetOrgPerson',
    'objectClass: pecOperator',
    'uid: rossi',
    'cn: Rossi',
  ].join('\n'),
  ['', 'sn: Rossi', `pecOperatorOf: ${SHARED}`, 'userPassword: di-rossi', ''].join('\n'),
].join('')

test('with users in LDAP and mailboxes in Dovecot', { skip: slapdIsMissing || dovecotIsMissing }, async (t) => {
  const lab = new Laboratory(t)
  const slapd = await TestSlapd.start({ ldif: readFileSync(join(__dirname, '..', 'directory', 'pec.ldif'), 'utf8') + PEOPLE })
  lab.atClose(() => slapd.close())
  const dovecot = await TestDovecot.start(slapd.url)
  lab.atClose(() => dovecot.close())
  const gateway = await TestGateway.open(lab, {
    mailboxes: [],
    storePort: dovecot.ports.lmtp,
    settings: { directory: { engine: 'ldap' }, ldap: { urls: slapd.url, cache: '1', cache_unknown: '1' } },
  })

  /** As a mail client does. */
  async function send(user: string, from: string, to: readonly string[]): Promise<void> {
    const pass = user === from ? PASSWORD : 'di-rossi'
    const tls = { rejectUnauthorized: false }
    const client = createTransport({ host: '127.0.0.1', port: gateway.submissionPort, secure: true, auth: { user, pass }, tls })
    const { accepted } = await client.sendMail({ from, to: [...to], subject: 'Offerta', text: 'Buongiorno' })
    client.close()
    assert.deepEqual(accepted, to)
  }

  /** All that a mailbox holds. */
  async function read(user: string, pass = PASSWORD): Promise<Letter[]> {
    const { imaps } = dovecot.ports
    const tls = { ca: dovecot.tls.ca }
    const client = new ImapFlow({ host: 'localhost', port: imaps, secure: true, auth: { user, pass }, tls, logger: false })
    await client.connect()
    try {
      const { exists } = await client.mailboxOpen('INBOX')
      if (exists === 0) return []
      const sources = (await client.fetchAll('1:*', { source: true })).map(({ source }) => source ?? Buffer.alloc(0))
      return await Promise.all(sources.map((source) => letterOf('', source)))
    } finally {
      await client.logout()
    }
  }

  /** The letters of a mailbox once it holds as many of a kind. */
  async function awaited(kind: string, count: number, user: string, pass?: string): Promise<Letter[]> {
    let found: Letter[] = []
    await within(30_000, `${count} of ${kind} in ${user}`, async () => {
      found = (await read(user, pass)).filter((letter) => letter.kind === kind)
      return found.length >= count
    })
    return found
  }

  await t.test('a message comes with all its receipts', async () => {
    await send(ANNA, ANNA, [BRUNO])
    const [envelope] = await awaited('transport', 1, BRUNO)
    const [acceptance] = await awaited('acceptance', 1, ANNA)
    const [receipt] = await awaited('delivery', 1, ANNA)
    assert.equal(envelope?.data?.identifier, acceptance?.data?.identifier)
    assert.equal(receipt?.data?.identifier, acceptance?.data?.identifier)
    await gateway.quiet()
    assert.match(await popStat(dovecot.ports.pop3s, dovecot.tls.ca, BRUNO), /^\+OK 1 \d+/)
  })

  await t.test('operators of a shared mailbox send from it and read it in their own names', async () => {
    await send(ANNA, ANNA, ['ufficio@comune.test'])
    await awaited('transport', 1, `${SHARED}*rossi`, 'di-rossi')
    await send(`${SHARED}*rossi`, SHARED, [BRUNO])
    await awaited('delivery', 1, `${SHARED}*rossi`, 'di-rossi')
    await assert.rejects(read(`${SHARED}*verdi`, 'di-rossi'))
    await assert.rejects(read(`${ANNA}*rossi`, 'di-rossi'))
    await assert.rejects(read(SHARED, 'di-rossi'))
  })

  await t.test('unknown, frozen and full mailboxes give their notices', async () => {
    const refused = ['nobody@pec-a.test', 'frozen@pec-a.test', 'full@pec-a.test']
    await send(ANNA, ANNA, refused)
    const notices = await awaited('non-delivery', refused.length, ANNA)
    const details = new Map(notices.map(({ data }) => [data?.delivery, data?.errorDetail]))
    assert.deepEqual([...details.keys()].sort(), [...refused].sort())
    for (const [address, code] of Object.entries({ nobody: '5.1.1', frozen: '5.2.1', full: '5.2.2' }))
      assert.match(details.get(`${address}@pec-a.test`) ?? '', new RegExp(`^${code.replaceAll('.', '\\.')} `), address)
  })

  await t.test('Dovecot away leaves everything in the queue until it is back', async () => {
    const before = (await read(BRUNO)).length
    await dovecot.stop()
    await send(ANNA, ANNA, [BRUNO])
    await gateway.quiet(2)
    await dovecot.start()
    await within(30_000, 'the envelope', async () => (await read(BRUNO)).length === before + 1)
    await gateway.quiet()
  })
})

/** What POP3S says of a mailbox. RFC 1939 */
async function popStat(port: number, ca: string, user: string): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', ca })
  await once(socket, 'secureConnect')
  let answers = ''
  socket.setEncoding('utf8').on('data', (text: string) => (answers += text))
  socket.write(`USER ${user}\r\nPASS ${PASSWORD}\r\nSTAT\r\nQUIT\r\n`)
  await once(socket, 'close')
  return answers.split('\r\n')[3] ?? ''
}
