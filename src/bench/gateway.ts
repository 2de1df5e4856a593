/** The gateway, certifying a message between two users of its own, as `pec init` sets it up. */
import { spawn } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startInstance, workersListening } from '../lab/instance.js'
import { freePorts } from '../lab/ports.js'
import { connectClient } from '../lab/smtp-client.js'
import { LOG_INI, type Running, type System } from './system.js'

const FROM = 'sender@pec-a.test'
const TO = 'recipient@pec-a.test'
const PASSWORD = 'bench-password'

export const gateway: System = {
  name: 'gateway',
  milestones: ['accepted', 'message', 'acceptance', 'receipt'],
  start: (directory, workers, lmtpPort) => startGateway(directory, workers, lmtpPort, {}),
}

/** The same with static routes: domain to loopback port. */
export function gatewayWithRoutes(routes: Readonly<Record<string, number>>): System {
  return { ...gateway, start: (directory, workers, lmtpPort) => startGateway(directory, workers, lmtpPort, routes) }
}

async function startGateway(
  directory: string,
  workers: number,
  lmtpPort: number,
  routes: Readonly<Record<string, number>>,
): Promise<Running> {
  const [submission = 0, starttls = 0, mx = 0] = await freePorts(3)
  const listeners = ['--submission-port', String(submission), '--starttls-port', String(starttls), '--mx-port', String(mx)]
  await pec(['init', directory, '--name', 'Bench Provider', '--domain', 'pec-a.test', ...listeners], '')
  for (const address of [FROM, TO]) await pec(['mailbox', 'add', directory, address, '--lasting'], `${PASSWORD}\n`)
  const hosts = Object.entries(routes).map(([domain, port]): [string, string] => [domain, `127.0.0.1:${port}`])
  await setKeys(join(directory, 'config', 'pec.ini'), 'store', [
    ['lmtp', `127.0.0.1:${lmtpPort}`],
    ['embedded', 'false'],
  ])
  await setKeys(join(directory, 'config', 'pec.ini'), 'antivirus', [['engine', 'none']])
  await setKeys(join(directory, 'config', 'pec.ini'), 'routes', hosts)
  await setKeys(join(directory, 'config', 'smtp.ini'), '', [['nodes', String(workers)]])
  await writeFile(join(directory, 'config', 'log.ini'), LOG_INI)
  const instance = await startInstance({
    directory,
    ports: [submission, mx],
    readyLines: workersListening(workers),
    session: 'shared',
  })
  const connect = async () => {
    const client = await connectClient({ port: submission, implicitTls: true })
    await client.ehlo()
    const { code, lines } = await client.authPlain(FROM, PASSWORD)
    if (code !== 235) throw new Error(`cannot log in: ${code} ${lines.join(' ')}`)
    return client
  }
  return { instance, from: FROM, to: TO, connect }
}

/** Sets keys of one section of an ini file ('' for those before any section); other lines stay, earlier values go. */
async function setKeys(path: string, section: string, pairs: readonly (readonly [string, string])[]): Promise<void> {
  const text = await readFile(path, 'utf8')
  const lines = pairs.map(([key, value]) => `${key} = ${value}`)
  await writeFile(
    path,
    withKeys(
      text,
      section,
      pairs.map(([key]) => key),
      lines,
    ),
  )
}

function withKeys(text: string, section: string, keys: readonly string[], added: readonly string[]): string {
  const out: string[] = section === '' ? [...added] : []
  let current = ''
  let seen = section === ''
  for (const line of text.split('\n')) {
    current = /^\s*\[(.+)\]/.exec(line)?.[1] ?? current
    const key = /^\s*([^\s;#=][^;#=]*)=/.exec(line)?.[1]?.trimEnd()
    if (current === section && key !== undefined && keys.includes(key)) continue
    out.push(line)
    if (line.trim() !== `[${section}]` || seen) continue
    out.push(...added)
    seen = true
  }
  return seen ? out.join('\n') : [text, `[${section}]`, ...added, ''].join('\n')
}

/** Runs the command-line tool. Rejects with what it wrote if it fails. */
function pec(args: readonly string[], input: string): Promise<void> {
  const child = spawn(process.execPath, [join(__dirname, '..', 'cli', 'pec.js'), ...args], { timeout: 30_000 })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  child.stdin.end(input)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => {
      if (code === 0) resolve()
      else reject(new Error(`pec ${args.join(' ')}: ${output}`))
    })
  })
}
