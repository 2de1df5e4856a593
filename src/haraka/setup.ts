/**
 * Whether Haraka's own files and folders of an instance are what certified mail needs: Haraka starts without, and then alters messages,
 * loses what is in hand, or lets mail pass that no point has taken. What is wrong is named, all of it.
 */
import { X509Certificate, createPrivateKey } from 'node:crypto'
import { access, constants, readFile, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import harakaConfig from 'haraka-config'
import type { Config } from '../config/config.js'
import type { Ini } from '../config/values.js'
import { PecError, reasonOf } from '../errors.js'

/** Lines of config/plugins, in this order; others may stand between them. */
const PLUGINS = ['tls', 'pec/gateway', 'pec/auth', 'pec/access_point', 'pec/reception_point', 'pec/delivery_point', 'pec/guard']

/** Plugins of Haraka that cannot stand beside ours. */
const PASSING: readonly (readonly [prefix: string, what: string])[] = [
  ['queue/', 'take messages past the gateway'],
  ['rcpt_to.', 'accept recipients before the gateway has judged them'],
  ['auth/', 'let users in whom the directory does not know'],
]

/** What each file must say, and why. */
const NEEDED: readonly (readonly [file: string, section: string, key: string, value: string, why: string])[] = [
  ['smtp.ini', 'main', 'graceful_shutdown', 'true', 'or what is in hand is cut off when it stops'],
  ['connection.ini', 'main', 'smtputf8', 'false', 'certified mail has ASCII addresses'],
  ['connection.ini', 'headers', 'add_received', 'false', 'messages are carried byte for byte'],
  ['connection.ini', 'headers', 'clean_auth_results', 'false', 'messages are carried byte for byte'],
  ['outbound.ini', 'main', 'received_header', 'disabled', 'messages leave as they were signed'],
  ['outbound.ini', 'main', 'always_split', 'false', 'a peer gets one envelope for all its recipients'],
  ['outbound.ini', 'main', 'disabled', 'false', 'or nothing is delivered'],
]
/** The longest line that must come in whole, in bytes: Haraka breaks longer ones, and signatures with them. */
const LINE = 100_000

/** Names every fault. */
export async function findSetupFaults(config: Config): Promise<string[]> {
  const files = harakaConfig.module_config(config.instance)
  const ini = (name: string): Ini => files.get(name, 'ini') as Ini
  const connection = ini('connection.ini')
  return [
    ...findPluginFaults(files.get('plugins', 'list') as string[]),
    ...NEEDED.filter(([file, section, key, value]) => textOf(ini(file), section, key) !== value).map(
      ([file, section, key, value, why]) =>
        `${file}: ${section === 'main' ? '' : `[${section}] `}${key} must be ${value}: ${why}`,
    ),
    ...findSizeFaults(config, connection),
    ...findListenerFaults(config, ini('smtp.ini')),
    ...(await findTlsFaults(config, ini('tls.ini'))),
    ...findCertificateFaults(config, ini('tls.ini')),
    ...(await findFolderFaults(config)),
    ...(await findExposedKeys(config)),
  ]
}

/** Rejects with PecError 'configuration' naming every fault. */
export async function checkSetup(config: Config): Promise<void> {
  const faults = await findSetupFaults(config)
  if (faults.length > 0) throw new PecError('configuration', faults.join('\n'))
}

/** Which of the addresses in smtp.ini cannot be listened on, while the instance is not running: its workers would try for ever. */
export async function findBusyPorts({ instance }: Config): Promise<string[]> {
  const smtp = harakaConfig.module_config(instance).get('smtp.ini', 'ini') as Ini
  const faults = await Promise.all(addressesOf(smtp).map(([host, port]) => whyNotListening(host, port)))
  return faults.filter((fault) => fault !== undefined)
}

function findPluginFaults(lines: readonly string[]): string[] {
  const missing = PLUGINS.filter((name) => !lines.includes(name)).map((name) => `config/plugins has no line ${name}`)
  const present = PLUGINS.filter((name) => lines.includes(name))
  const inOrder = lines.filter((name) => present.includes(name)).join() === present.join()
  const passing = PASSING.flatMap(([prefix, what]) =>
    lines.filter((name) => name.startsWith(prefix)).map((name) => `config/plugins has ${name}, which would ${what}`),
  )
  return [
    ...missing,
    ...(inOrder ? [] : [`config/plugins must have these lines once and in this order: ${present.join(', ')}`]),
    ...passing,
  ]
}

function findSizeFaults({ limits }: Config, connection: Ini): string[] {
  const number = (key: string): number => Number(textOf(connection, 'max', key))
  return [
    ...(number('bytes') >= limits.bytes
      ? []
      : [`connection.ini: [max] bytes is less than [limits] bytes of pec.ini, ${limits.bytes}`]),
    ...(number('data_line_length') >= LINE ? [] : [`connection.ini: [max] data_line_length must be at least ${LINE}`]),
  ]
}

function findListenerFaults({ listeners }: Config, smtp: Ini): string[] {
  const roles = [...listeners.submission, ...listeners.reception]
  const open = addressesOf(smtp).map(([, port]) => port)
  const smtps = Number(textOf(smtp, 'main', 'smtps_port') || 465)
  return [
    ...roles
      .filter((port) => !open.includes(port))
      .map((port) => `smtp.ini: listen lacks port ${port} of [listeners] of pec.ini`),
    ...open.filter((port) => !roles.includes(port)).map((port) => `pec.ini: [listeners] gives port ${port} of smtp.ini no role`),
    ...(listeners.reception.includes(smtps) ? [`smtp.ini: smtps_port ${smtps} is one of reception: peers speak STARTTLS`] : []),
  ]
}

async function findTlsFaults({ instance }: Config, tls: Ini): Promise<string[]> {
  const [keyPath, certificatePath] = ['key', 'cert'].map((key) =>
    join(instance, 'config', textOf(tls, 'main', key) || `tls_${key}.pem`),
  ) as [string, string]
  try {
    const certificate = new X509Certificate(await readFile(certificatePath))
    const key = createPrivateKey(await readFile(keyPath))
    return [
      ...(certificate.checkPrivateKey(key) ? [] : [`${keyPath} is not the key of ${certificatePath}`]),
      ...(new Date(certificate.validTo) < new Date() ? [`${certificatePath} expired at ${certificate.validTo}`] : []),
    ]
  } catch (error) {
    return [`TLS with ${keyPath} and ${certificatePath} cannot be: ${reasonOf(error)}`]
  }
}

function findCertificateFaults({ clientCertificates }: Config, tls: Ini): string[] {
  if (clientCertificates === undefined || textOf(tls, 'main', 'requestCert') === 'true') return []
  return [
    'tls.ini: requestCert must be true: [client_certificates] of pec.ini lets clients log in with what they are not asked for',
  ]
}

/** Of the folders that are there: what is not is made, but for the queue, which Haraka would make for everybody to read. */
async function findFolderFaults({ instance, files, quarantine, ledger, store }: Config): Promise<string[]> {
  const queue = join(instance, 'queue')
  const folders = [
    ...[queue, files.spool, quarantine.directory],
    ...(ledger.engine === 'sqlite' && ledger.file !== ':memory:' ? [dirname(ledger.file)] : []),
    ...(store.embedded ? [join(instance, 'mail')] : []),
  ]
  const devices = new Map<string, number>()
  const faults = await Promise.all(
    folders.map(async (folder) => {
      const facts = await stat(folder).catch(() => undefined)
      if (facts === undefined) return folder === queue ? [`${folder} is missing: make it, with mode 700`] : []
      devices.set(folder, facts.dev)
      if (!facts.isDirectory()) return [`${folder} is no folder`]
      const writable = await access(folder, constants.R_OK | constants.W_OK | constants.X_OK).then(
        () => true,
        () => false,
      )
      return [
        ...(writable ? [] : [`${folder} is not writable for user ${String(process.getuid?.())}`]),
        ...((facts.mode & 0o007) === 0 ? [] : [`${folder} is open to everybody: make its mode 700`]),
      ]
    }),
  )
  const [ofQueue, ofSpool] = [devices.get(queue), devices.get(files.spool)]
  if (ofQueue !== undefined && ofSpool !== undefined && ofQueue !== ofSpool)
    faults.push([`${files.spool} and ${queue} are on different file systems: messages go from one to the other by renaming`])
  return faults.flat()
}

async function findExposedKeys({ instance, signer }: Config): Promise<string[]> {
  const secrets = [signer.key, signer.passphraseFile, join(instance, 'config', 'tls_key.pem')].filter(
    (path) => path !== undefined,
  )
  const faults = await Promise.all(
    secrets.map(async (path) => {
      const facts = await stat(path).catch(() => undefined)
      return facts !== undefined && (facts.mode & 0o007) !== 0 ? [`${path} may be read by everybody: make its mode 600`] : []
    }),
  )
  return faults.flat()
}

function addressesOf(smtp: Ini): [host: string, port: number][] {
  return textOf(smtp, 'main', 'listen')
    .split(',')
    .map((address) => /^(.*?):(\d+)$/.exec(address.trim()))
    .flatMap((match) => (match === null ? [] : [[String(match[1]).replace(/^\[(.*)\]$/, '$1'), Number(match[2])]]))
}

function whyNotListening(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => {
      const advice = error.code === 'EACCES' ? '; ports below 1024 need root or CAP_NET_BIND_SERVICE' : ''
      resolve(`smtp.ini: ${host}:${port} cannot be listened on: ${error.message}${advice}`)
    })
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)))
  })
}

function textOf(ini: Ini, section: string, key: string): string {
  const value = ini[section]?.[key]
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value).trim() : ''
}
