/**
 * The package in a Haraka that is there already, by the lines of the guide. What needs the network elsewhere is done without: the
 * packages that ours depends on are linked to those of this project, so that `npm install` takes our own archive and finds all
 * others there; it runs offline, and builds nothing.
 */
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { createTransport } from 'nodemailer'
import { setKeys } from '../../src/cli/settings.js'
import { harakaHome } from '../../src/lab/instance.js'
import { freePorts } from '../../src/lab/ports.js'
import { within } from '../../src/lab/within.js'
import { Laboratory } from '../harness/laboratory.js'
import { isOf, readLetter, type Letter } from './letter.js'

const ROOT = join(__dirname, '..', '..')
const DIST = join(ROOT, 'dist')
const MARIO = 'mario@pec-a.it'
const PASSWORD = 'segreto-di-mario'
const run = promisify(execFile)

interface Packed {
  readonly filename: string
  readonly files: readonly { readonly path: string }[]
}

async function pack(folder: string): Promise<Packed> {
  const { stdout } = await run('npm', ['pack', DIST, '--pack-destination', folder, '--json', '--ignore-scripts'])
  const [packed] = JSON.parse(stdout) as Packed[]
  assert.ok(packed !== undefined)
  return packed
}

/** The lines of the chapter, each with what the guide writes for a directory and an archive replaced by ours. */
async function guideLines(directory: string, archive: string): Promise<string[]> {
  const guide = await readFile(join(ROOT, 'docker', 'README.md'), 'utf8')
  const [, chapter = ''] = guide.split('## A Haraka that is there already\n')
  const [block = ''] = /^(?: {4}.+\n)+/m.exec(chapter) ?? []
  return block
    .trimEnd()
    .split('\n')
    .map((line) => line.slice(4).replace(/\s+#.*/, ''))
    .map((line) => line.replace('/srv/haraka', directory).replace('/tmp/haraka-plugin-pec-0.1.0.tgz', archive))
    .map((line) => line.replace('npm install', 'npm install --offline --ignore-scripts --no-audit --no-fund'))
}

async function linkDependencies(directory: string): Promise<void> {
  const { dependencies } = JSON.parse(await readFile(join(DIST, 'package.json'), 'utf8')) as { dependencies: object }
  for (const name of Object.keys(dependencies)) {
    const link = join(directory, 'node_modules', name)
    await mkdir(dirname(link), { recursive: true })
    await symlink(join(ROOT, 'node_modules', name), link)
  }
}

interface Answer {
  readonly code: number
  readonly text: string
}

/** Runs a line of the guide as a shell in the directory does. */
async function shell(directory: string, line: string, input = ''): Promise<Answer> {
  const child = spawn('bash', ['-c', line], { cwd: directory })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (piece: string) => (text += piece))
  child.stdin.on('error', () => undefined)
  child.stdin.end(input)
  const [code] = (await once(child, 'close')) as [number | null]
  return { code: code ?? 1, text }
}

test('the archive has what an installation needs, and nothing else', async (t) => {
  const { files } = await pack(await new Laboratory(t).directory())
  const paths = files.map(({ path }) => path)
  const plugins = (await readdir(join(ROOT, 'plugins'))).map((name) => name.slice(0, -'.ts'.length))
  const needed = [
    ...['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md', 'src/cli/pec.js'],
    ...plugins.flatMap((name) => [`${name}/package.json`, `plugins/${name}.js`]),
    ...(await readdir(join(ROOT, 'config'))).map((name) => `config/${name}`),
  ]
  assert.deepEqual(
    needed.filter((path) => !paths.includes(path)),
    [],
  )
  const others = paths.filter((path) => !needed.includes(path))
  assert.deepEqual(
    others.filter(
      (path) => !/^src\/.*\.js$/.test(path) || /^src\/(?:bench|crash|demo|growth|load|packaging|lab\/(?!ports))/.test(path),
    ),
    [],
  )
})

test('a bare Haraka becomes a gateway by the lines of the guide', { timeout: 180_000 }, async (t) => {
  const lab = new Laboratory(t)
  const folder = await lab.directory()
  const directory = join(folder, 'haraka')
  await run(process.execPath, [join(harakaHome, 'bin', 'haraka'), '-i', directory])
  await linkDependencies(directory)
  const { filename } = await pack(folder)
  const [enter = '', install = '', init = '', copy = '', check = '', add = '', start = '', ...rest] = await guideLines(
    directory,
    join(folder, filename),
  )
  assert.deepEqual([enter, start, rest], [`cd ${directory}`, `haraka -c ${directory}`, []])
  const [smtps = 0, starttls = 0, mx = 0] = await freePorts(3)
  const succeeds = async (line: string, input?: string): Promise<string> => {
    const { code, text } = await shell(directory, line, input)
    assert.equal(code, 0, `${line}\n${text}`)
    return text
  }

  await t.test('npm install brings plugins and program, pec init what is missing of the settings', async () => {
    await succeeds(install)
    const before = await readFile(join(directory, 'config', 'smtp.ini'), 'utf8')
    const text = await succeeds(`${init} --submission-port ${smtps} --starttls-port ${starttls} --mx-port ${mx}`)
    assert.match(text, /Haraka's own files are as they were/)
    assert.equal(await readFile(join(directory, 'config', 'smtp.ini'), 'utf8'), before)
    const again = await shell(directory, init)
    assert.deepEqual([again.code, /is not empty/.test(again.text)], [1, true], again.text)
  })

  await t.test('pec check-config names what is wrong in files of Haraka, until they have what the guide says', async () => {
    const { code, text } = await shell(directory, check)
    assert.equal(code, 1)
    for (const fault of [
      'no line pec/guard',
      'has queue/smtp_forward',
      'has rcpt_to.in_host_list',
      'graceful_shutdown must be',
      'smtputf8',
    ])
      assert.ok(text.includes(fault), `${fault} in:\n${text}`)
    await succeeds(copy)
    await setKeys(join(directory, 'config', 'smtp.ini'), {
      main: { listen: [mx, smtps, starttls].map((port) => `127.0.0.1:${port}`).join(','), smtps_port: String(smtps) },
    })
    assert.match(await succeeds(check), /in order/)
  })

  await t.test('a message is accepted and delivered, with receipts that openssl verifies', async () => {
    await succeeds(add, `${PASSWORD}\n`)
    const instance = await lab.instance({
      ...{ directory, ports: [smtps, starttls, mx], startMs: 60_000, readyLines: [/ready for mail/] },
      command: [process.execPath, join(harakaHome, 'bin', 'haraka'), ...start.split(' ').slice(1)],
    })
    const tls = { rejectUnauthorized: false }
    const client = createTransport({ host: '127.0.0.1', port: smtps, secure: true, auth: { user: MARIO, pass: PASSWORD }, tls })
    await client.sendMail({ from: MARIO, to: MARIO, subject: 'Prova', text: 'Buongiorno.' })
    client.close()
    const mailbox = join(directory, 'mail', 'pec-a.it', 'mario', 'Maildir', 'new')
    let letters: Letter[] = []
    await within(60_000, 'fewer than three letters', async () => {
      const names = await readdir(mailbox).catch(() => [])
      letters = await Promise.all(names.map((name) => readLetter(join(mailbox, name))))
      return letters.length === 3
    })
    for (const kind of ['transport', 'acceptance', 'delivery'] as const) {
      const letter = letters.find(isOf(kind))
      assert.ok(letter !== undefined, kind)
      const anchors = join(directory, 'config', 'pec_anchors.pem')
      await run('openssl', ['cms', '-verify', '-in', letter.path, '-CAfile', anchors, '-out', '/dev/null'])
      await succeeds(`npx pec verify ${letter.path} --ca config/pec_anchors.pem --index config/pec_index.ldif`)
    }
    await instance.stop()
  })

  await t.test('another version of Haraka does not start it', async () => {
    const other = join(folder, 'other')
    await mkdir(other)
    await cp(harakaHome, join(other, 'Haraka'), { recursive: true })
    await symlink(join(ROOT, 'node_modules'), join(other, 'node_modules'))
    const manifest = join(other, 'Haraka', 'package.json')
    await writeFile(manifest, (await readFile(manifest, 'utf8')).replace(/"version": "[\d.]+"/, '"version": "3.3.0"'))
    const { code, text } = await shell(directory, `node ${join(other, 'Haraka', 'bin', 'haraka')} -c ${directory}`)
    assert.deepEqual([code, /this is Haraka 3\.3\.0: the gateway needs \d/.test(text)], [1, true], text)
  })
})
