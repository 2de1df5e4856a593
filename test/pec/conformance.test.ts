/** Judges that share no code with us: pec_check.py, openssl and xmllint. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { readAll } from '../../src/mail/source.js'
import { makeIssuer } from './issuer.js'
import { SUBMITTED, crlf, makeAll } from './messages.js'

const CHECKER = join(__dirname, '..', '..', '..', 'shared', 'conformance', 'pec_check.py')
const DTD = join(__dirname, '..', 'postacert.dtd')

const runs = (command: string, ...args: string[]): boolean => spawnSync(command, args).status === 0
const xmllint = runs('xmllint', '--version')
const absent = !existsSync(CHECKER)
  ? 'the conformance tools are not beside the repository'
  : !xmllint || !runs('openssl', 'version') || !runs('python3', '--version')
    ? 'openssl, xmllint or python3 is not installed'
    : false

const folder = mkdtempSync(join(tmpdir(), 'pec-conformance-'))
after(() => rmSync(folder, { recursive: true }))

async function written(submitted: Buffer): Promise<ReadonlyMap<string, string>> {
  const issuer = await makeIssuer()
  writeFileSync(join(folder, 'ca.pem'), issuer.authority)
  const { messages } = await makeAll(issuer, new Date(), submitted)
  const paths = new Map<string, string>()
  for (const [name, { message }] of messages) {
    const path = join(folder, `${name}.eml`)
    writeFileSync(path, await readAll(message))
    paths.set(name, path)
  }
  return paths
}

function check(...args: readonly string[]): { readonly status: number | null; readonly output: string } {
  const { status, stdout, stderr } = spawnSync('python3', [CHECKER, '--ca', join(folder, 'ca.pem'), ...args], {
    encoding: 'utf8',
  })
  return { status, output: stdout + stderr }
}

function submittedWith(subject: string, extra = ''): Buffer {
  return crlf(SUBMITTED.toString('utf8').replace(/Subject: .*/, `Subject: ${subject}${extra}`))
}

// Where the Message-ID received is missing or unfit for a header, no anomaly envelope can both have one and have that one.
const UNFIT = ['without Message-ID, Cc and Subject', 'with a hostile Message-ID']

const SUBMISSIONS: Readonly<Record<string, Buffer>> = {
  'of the golden files': SUBMITTED,
  'without Message-ID, Cc and Subject': crlf(SUBMITTED.toString('utf8').replace(/^(?:Message-ID|X-Rif|Cc|Subject).*\r\n/gm, '')),
  'with Reply-To and 8-bit bytes in the header': submittedWith(
    'Città è già così',
    '\nReply-To: "Segreteria, à" <s@altro.test>, due@altro.test',
  ),
  'with a subject of 5000 characters without a space': submittedWith(
    'x'.repeat(900),
    `\n ${'è'.repeat(900)}\n y${'z'.repeat(900)}`,
  ),
  'with a subject in another script': submittedWith('=?utf-8?b?5pel5pys6Kqe44Gu5Lu25ZCN8J+Ygg==?= e\u0301 e\u0300'),
  'with a hostile Message-ID': crlf(SUBMITTED.toString('utf8').replace('<client.1@client.test>', '  a <b\x01 c\n\t@"d>\x7f')),
}

for (const [name, submitted] of Object.entries(SUBMISSIONS)) {
  test(`pec_check.py finds nothing in any message about an original ${name}`, { skip: absent }, async () => {
    const paths = await written(submitted)
    const files = [...paths].filter(([kind]) => kind !== 'anomaly' || !UNFIT.includes(name)).map(([, path]) => path)
    const { status, output } = check(...files)
    assert.equal(output.trim().split('\n').at(-1), `${files.length} messages, 0 findings`, output)
    assert.equal(status, 0)
  })
}

test('pec_check.py finds an exchange consistent, with a brief receipt and with a complete one', { skip: absent }, async () => {
  for (const form of ['brief', 'complete']) {
    const requested = form === 'brief' ? 'breve' : 'completa'
    const paths = await written(crlf(SUBMITTED.toString('utf8').replace('Breve', requested)))
    const files = ['transport', 'acceptance', 'take-charge', `delivery-${form}`].map((name) => paths.get(name) ?? '')
    assert.match(check('--exchange', ...files).output, /4 messages, 0 findings/)
  }
})

test('pec_check.py finds the change of one letter', { skip: absent }, async () => {
  const path = (await written(SUBMITTED)).get('acceptance') ?? ''
  execFileSync('sed', ['-i', 's/Il giorno/Il Giorno/', path])
  assert.match(check(path).output, /signature does not verify/)
})

test(
  'daticert.xml of every kind is valid against the DTD of RFC 6109',
  { skip: xmllint ? false : 'xmllint is not installed' },
  async () => {
    const { messages } = await makeAll(await makeIssuer(), new Date())
    let checked = 0
    for (const [name, { daticert }] of messages) {
      if (daticert === undefined) continue
      const path = join(folder, `${name}.xml`)
      writeFileSync(path, daticert)
      const { status, stderr } = spawnSync('xmllint', ['--nonet', '--noout', '--dtdvalid', DTD, path], { encoding: 'utf8' })
      assert.equal(status, 0, stderr)
      checked++
    }
    assert.equal(checked, messages.size - 1)
  },
)
