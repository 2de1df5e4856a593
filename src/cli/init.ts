/** `pec init`: makes a complete instance directory, or makes one of the directory of a Haraka that is there. */
import { existsSync } from 'node:fs'
import { chmod, copyFile, mkdir, readdir, symlink, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { PecError } from '../errors.js'
import { freePort } from '../lab/ports.js'
import { isAddress } from '../mail/address.js'
import type { InstanceKeys } from './authority.js'
import { packageLink, packageRoot } from './instance.js'
import { writeDirectory, writeIndex } from './register-provider.js'
import { setKeys } from './settings.js'
import { say } from './terminal.js'

interface InitOptions {
  readonly name: string
  readonly domain: string
  readonly listen: string
  readonly submissionPort: number
  readonly starttlsPort: number
  readonly mxPort: number
  readonly storePort?: number
  readonly receipts?: string
  readonly key?: string
  readonly cert?: string
  readonly trust?: string
  readonly crl?: string
  readonly index?: string
  readonly antivirus?: string
}

export function initCommand(): Command {
  return new Command('init')
    .description('make an instance directory, with keys of a test authority or with your own')
    .argument('<DIR>', 'the directory to make; or that of a Haraka, whose own files stay as they are')
    .requiredOption('--name <NAME>', "the provider's name, as in the index of providers")
    .requiredOption('--domain <DOMAIN>', "the provider's own mail domain")
    .option('--receipts <ADDRESS>', 'mailbox for take-charge receipts and virus notices (default: ricevute@DOMAIN)')
    .option('--listen <ADDRESS>', 'address to listen on', '0.0.0.0')
    .option('--submission-port <PORT>', 'submission with TLS from the first byte', port, 465)
    .option('--starttls-port <PORT>', 'submission with STARTTLS', port, 587)
    .option('--mx-port <PORT>', 'mail from other providers', port, 25)
    .option('--store-port <PORT>', 'the embedded mailbox store, on loopback (default: a free port)', port)
    .option('--key <FILE>', "the provider's private key, PEM or PKCS#12 (default: a test key is made)")
    .option('--cert <FILE>', 'its certificate, PEM')
    .option('--trust <FILE>', "authorities of the providers' certificates, PEM")
    .option('--crl <FILE|URL>', 'their revocation list')
    .option('--index <LDIF>', 'the index of providers')
    .option(
      '--antivirus <none|clamd|HOST:PORT|PATH>',
      'clamd, where it listens, or none (default: none with a test key, else clamd)',
    )
    .action(init)
}

function port(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1 || value > 65535)
    throw new InvalidArgumentError('A port is a number from 1 to 65535.')
  return value
}

async function init(directory: string, options: InitOptions): Promise<void> {
  const root = resolve(directory)
  const domain = options.domain.toLowerCase()
  const receipts = (options.receipts ?? `ricevute@${domain}`).toLowerCase()
  checkOptions(options, domain, receipts)
  const isHaraka = existsSync(join(root, 'config', 'smtp.ini')) && !existsSync(join(root, 'config', 'pec.ini'))
  await makeFolders(root, isHaraka)
  await copyDefaults(join(root, 'config'))
  if (!isHaraka) await writeHarakaSettings(join(root, 'config'), { ...options, domain })
  // Loaded here: making certificates takes a library that no other command needs.
  const { writeAuthority } = await import('./authority.js')
  const keys = await writeAuthority(join(root, 'config'), { ...options, domain })
  await writeSettings(root, { ...options, domain, receipts }, keys)
  await writeDirectory(root, domain, receipts)
  await writeIndex(root, { name: options.name, domain, receipts, index: options.index })
  if (!existsSync(packageLink(root))) await symlink(packageRoot, packageLink(root), 'dir')
  say(`${directory} is ready: ${options.name}, ${domain}.`)
  if (isHaraka) say(`Haraka's own files are as they were. What certified mail needs of them:  pec check-config ${directory}`)
  if (keys.isTest) say('Its key and authority are for tests: no other provider will trust them.')
  else say(`See whether key and certificate are right:  pec check-config ${directory}`)
  if (antivirusOf(options).engine === 'none')
    say('It has NO ANTIVIRUS: for trials only. For clamd: --antivirus clamd, or [antivirus] in config/pec.ini.')
  say(`Add a mailbox:  pec mailbox add ${directory} user@${domain} --lasting`)
  say(`Start it:       pec start ${directory}`)
}

function checkOptions(options: InitOptions, domain: string, receipts: string): void {
  const faults: string[] = []
  if (!isAddress(`posta-certificata@${domain}`)) faults.push(`${domain} is not a mail domain`)
  if (!isAddress(receipts)) faults.push(`${receipts} is not a mail address`)
  if (/[\r\n]/.test(options.name) || options.name.trim() === '') faults.push('the name is empty or has more than one line')
  if (options.antivirus !== undefined && !/^(?:none|clamd|\/.*|\S+:\d{1,5})$/.test(options.antivirus))
    faults.push(`--antivirus ${options.antivirus} is neither none, clamd, HOST:PORT nor the path of a socket`)
  if (options.cert !== undefined && options.key === undefined) faults.push('--cert needs --key')
  if (options.key !== undefined && options.cert === undefined) faults.push('--key needs --cert')
  if (options.key !== undefined && options.trust === undefined)
    faults.push('--key needs --trust, the authority of its certificate')
  if (faults.length > 0) throw new PecError('configuration', faults.join('; '))
}

/** An instance with a test key is for trials. */
function antivirusOf({ antivirus, key }: InitOptions): Readonly<Record<string, string>> {
  const choice = antivirus ?? (key === undefined ? 'none' : 'clamd')
  return choice === 'none' || choice === 'clamd' ? { engine: choice } : { engine: 'clamd', socket: choice }
}

async function makeFolders(root: string, isHaraka: boolean): Promise<void> {
  await mkdir(root, { recursive: true })
  if (!isHaraka && (await readdir(root)).length > 0)
    throw new PecError('configuration', `${root} is not empty: choose another directory, or that of a Haraka without pec.ini`)
  for (const folder of ['config', 'node_modules']) await mkdir(join(root, folder), { recursive: true })
  for (const folder of ['queue', 'spool', 'ledger', 'mail', 'quarantine', 'archive'])
    await mkdir(join(root, folder), { recursive: true, mode: 0o700 })
}

/** Those that are not there yet. */
async function copyDefaults(config: string): Promise<void> {
  const defaults = join(packageRoot, 'config')
  const present = await readdir(config)
  for (const file of (await readdir(defaults)).filter((name) => !present.includes(name))) {
    await copyFile(join(defaults, file), join(config, file))
    // The address of a webhook may be a secret.
    await chmod(join(config, file), file === 'pec.ini' ? 0o600 : 0o644)
  }
}

async function writeHarakaSettings(config: string, options: InitOptions): Promise<void> {
  const { listen, submissionPort, starttlsPort, mxPort } = options
  const host = listen.includes(':') ? `[${listen}]` : listen
  await setKeys(join(config, 'smtp.ini'), {
    main: {
      listen: [mxPort, submissionPort, starttlsPort].map((number) => `${host}:${number}`).join(','),
      smtps_port: String(submissionPort),
    },
  })
  await writeFile(join(config, 'me'), `mail.${options.domain}\n`)
}

async function writeSettings(
  root: string,
  options: InitOptions & { readonly receipts: string },
  keys: InstanceKeys,
): Promise<void> {
  const { submissionPort, starttlsPort, mxPort } = options
  await setKeys(join(root, 'config', 'pec.ini'), {
    provider: { name: options.name.trim(), domain: options.domain, receipts: options.receipts },
    listeners: { submission: `${submissionPort},${starttlsPort}`, reception: String(mxPort) },
    signer: { chain: keys.chain },
    trust: { crl: keys.crl },
    antivirus: antivirusOf(options),
    store: { lmtp: `127.0.0.1:${options.storePort ?? (await freePort())}` },
  })
}
