/** Files of the operator and of the centre that keeps the index: broken ones are refused, with every fault named. */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseConfig } from '../../../src/config/config.js'
import type { Ini } from '../../../src/config/values.js'
import { formatDirectory, isDomain, isMailboxAddress, parseDirectory } from '../../../src/directory/directory-contents.js'
import { ownRecordLdif } from '../../../src/providers/own-record.js'
import { parseLdif, writeLdif } from '../../../src/providers/ldif.js'
import { readIndex } from '../../../src/providers/provider-index.js'
import { derOf } from '../../smime/fixtures.js'
import { provider } from '../provider.js'
import { unlessRefused, type Target } from '../target.js'

const ROOT = join(__dirname, '..', '..', '..')

export async function ldifTarget(): Promise<Target> {
  const { owner } = await provider()
  const record = {
    name: 'Gestore, "S.p.A."',
    certificates: [derOf(owner)],
    mailReceipt: 'ricevute@gestore.test',
    domains: ['gestore.test'],
  }
  const corpus = [
    ownRecordLdif(
      { ...record, ldifLocation: 'https://gestore.test/index.ldif', description: 'È una prova ' },
      { ...record, unit: 'Due' },
    ),
    readFileSync(join(ROOT, 'test', 'providers', 'rfc6109-example2.ldif')),
    Buffer.from('version: 1\n# a comment\n  folded\ndn: o=postacert\nobjectClass: top\nurl:< file:///etc/passwd\n'),
    Buffer.from('dn:: bz1wb3N0YWNlcnQ=\r\nchangetype: delete\r\n\r\n'),
  ]
  const words = [
    'dn: ',
    '\n ',
    '\n\n',
    ':: ',
    ':< file:///etc/passwd',
    '#',
    'version: 2',
    'changetype: add',
    'managedDomains: x.test\n',
    'AAAA',
    '===',
  ]
  return { name: 'ldif', corpus, words, run: runLdif }
}

async function runLdif(input: Buffer): Promise<void> {
  const read = await unlessRefused(() => parseLdif(input))
  if (read !== undefined) {
    const again = parseLdif(writeLdif(read.value))
    assert.deepEqual(again, read.value)
  }
  const index = await unlessRefused(() => readIndex(input))
  for (const { mailReceipt, managedDomains, certificates } of index?.value.records ?? []) {
    assert.match(mailReceipt, /^[^\s<>@]+@[^\s<>@]+$/)
    for (const domain of managedDomains) assert.match(domain, /^[a-z0-9_.-]+$/)
    for (const der of certificates) assert.ok(index?.value.index.byCertificate(der).length)
  }
}

export function directoryTarget(): Target {
  const password = '$scrypt$ln=14,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'
  const mailbox = { address: 'Ugo.Rossi@pec-a.test', state: 'active', password, quotaBytes: 1000 }
  const corpus = [
    JSON.stringify({ domains: ['pec-a.test'], mailboxes: [mailbox, { ...mailbox, address: '../x@pec-a.test' }] }),
    JSON.stringify({ domains: ['pec-a.test', 'PEC-A.test'], mailboxes: [{ ...mailbox, password: 'in clear' }] }),
    `{"domains":["b.test",{"name":"a.test","ordinaryMail":"forward:x@c.test"}],"mailboxes":[]}`,
    `{"domains":["pec-a.test"],"mailboxes":[{"__proto__":{"state":"active"},"address":"ugo@pec-a.test"}]}`,
    JSON.stringify({
      domains: ['pec-a.test'],
      mailboxes: [mailbox],
      administrators: [{ login: 'anna@pec-a.test', password, state: 'active' }],
    }),
    '['.repeat(5000),
  ].map((text) => Buffer.from(text))
  const words = [
    '{}',
    '[]',
    '"__proto__":',
    '"constructor":',
    'null',
    '1e999',
    '"\\u0000"',
    '"\\ud800"',
    '{"address":',
    '"ordinaryMail":',
    '"forward:',
    '"administrators":',
    ',',
    '..',
    '/',
  ]
  return { name: 'directory', corpus, words, run: runDirectory }
}

function runDirectory(input: Buffer): void {
  const reading = parseDirectory(input.toString('utf8'))
  if (!reading.ok) {
    assert.ok(reading.faults.length > 0)
    return
  }
  const { domains, ordinaryMail, mailboxes, administrators } = reading.contents
  for (const domain of domains) assert.ok(isDomain(domain))
  for (const [address, entry] of mailboxes) {
    assert.ok(isMailboxAddress(address) && entry.address === address)
    assert.doesNotMatch(address, /[/\\\0]|^\.\.?@/)
  }
  assert.deepEqual(parseDirectory(formatDirectory(reading.contents)), {
    ok: true,
    contents: { domains: new Set([...domains].sort()), ordinaryMail, mailboxes, administrators },
  })
}

interface IniReader {
  parseIni(name: string, options: object, text: string): Ini
  logger: (message: string) => void
}

export function configTarget(): Target {
  // Haraka's own reader: it stands between the file and our settings.
  const reader = createRequire(__filename)(join(ROOT, 'node_modules', 'haraka-config', 'lib', 'readers', 'ini.js')) as IniReader
  reader.logger = () => undefined
  const shipped = readFileSync(join(ROOT, 'config', 'pec.ini'), 'utf8')
  const complete = shipped.replace(/^; (name|domain|receipts) =/gm, '$1 =')
  const corpus = [shipped, complete, `${complete}[routes]\npec-b.test = 127.0.0.1:2525\n[peer_tls]\npec-b.test = verified\n`]
  const words = [
    '[',
    ']',
    '[__proto__]',
    'constructor = 1\n',
    '[routes]\n',
    'x = y\n',
    '[]= 1\n',
    '0',
    '-1',
    '1e9',
    '65536',
    'NaN',
    '/sock',
    '[::1]:25',
    '\\\n',
  ]
  return {
    ...{ name: 'config', words, room: 16 * 1024, cases: 2000 },
    corpus: corpus.map((text) => Buffer.from(text)),
    run: async (input) => {
      const ini = reader.parseIni('pec.ini', {}, input.toString('utf8'))
      const read = await unlessRefused(() => parseConfig(ini, '/instance'), 'configuration')
      if (read === undefined) return
      const { listeners, deadlines, limits, store, files } = read.value
      for (const port of [...listeners.submission, ...listeners.reception]) assert.ok(port >= 1 && port <= 65_535)
      assert.deepEqual(
        listeners.submission.filter((port) => listeners.reception.includes(port)),
        [],
      )
      assert.ok(deadlines.first < deadlines.second && limits.recipients >= 1 && files.memory >= 1)
      if (store.embedded) assert.ok('host' in store.lmtp && /^(?:127\.|localhost$|::1$)/.test(store.lmtp.host))
    },
  }
}
