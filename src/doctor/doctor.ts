/** All that an installation needs, looked at before its users meet it. It must be run as the gateway's own user. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import harakaConfig from 'haraka-config'
import { certificateLimit, diskLimit, indexLimit, type Limit } from '../alarms/limits.js'
import { proveSmarthost } from '../alarms/mail.js'
import type { Config } from '../config/config.js'
import { PecError } from '../errors.js'
import { ownDescriptors } from '../haraka/descriptors.js'
import { findSetupFaults } from '../haraka/setup.js'
import { readCertificate } from '../keys.js'
import { checkProvider } from '../provider.js'
import { examine, refuse, type Examination, type Finding } from './examination.js'
import { lookAtDomains, type Names } from './names.js'
import { lookAtSecrets } from './secrets.js'
import { lookAtServiceMailboxes } from './service-mailboxes.js'
import {
  lookAtAntivirus,
  lookAtClock,
  lookAtDirectory,
  lookAtLedger,
  lookAtListeners,
  lookAtSpamFilter,
  lookAtStore,
  lookAtTimestamps,
  type RspamdPlace,
} from './services.js'

const BOUND_MS = 30_000
/** Each session takes a few, and so do its messages. */
const LEAST_FILES = 4096

/**
 * `skip`: what is not looked at, by name. Rejects with PecError 'configuration' if it is run by somebody else than the owner of the
 * instance, who may read what the gateway may not, and would leave files of his own.
 */
export async function examineInstallation(config: Config, names: Names, skip: readonly string[] = []): Promise<Finding[]> {
  const { uid } = await stat(config.instance)
  if (uid !== process.getuid?.())
    throw new PecError('configuration', `${config.instance} belongs to user ${uid}: run this as that user, e.g. with runuser -u`)
  return examine(
    examinationsOf(config, names).filter(({ what }) => !skip.includes(what)),
    BOUND_MS,
  )
}

function examinationsOf(config: Config, names: Names): readonly Examination[] {
  const { instance, files, quarantine, signer, alarms, index, provider } = config
  const now = (): Date => new Date()
  const rspamd = harakaConfig.module_config(instance).get('rspamd.ini', 'ini') as { readonly main?: RspamdPlace }
  const signing = { what: 'signing certificate', read: () => readCertificate(signer.certificate) }
  const listeners = { what: 'TLS certificate', read: () => readCertificate(join(instance, 'config', 'tls_cert.pem')) }
  return [
    {
      what: 'provider',
      look: async () => {
        await checkProvider(config)
        return `${provider.name}: key, certificate, index record, trust, directory, database and quarantine are in order`
      },
      advice: 'Put right what is named; config/pec.ini says where each of it is.',
    },
    {
      what: 'haraka',
      look: async () => {
        refuse(await findSetupFaults(config))
        return 'plugins, listeners, TLS and folders are set as certified mail needs them'
      },
      advice: "Put right what is named in Haraka's own files, in config/ of the instance.",
    },
    {
      what: 'certificates',
      look: () =>
        within(certificateLimit([signing, listeners], signer.warnDays, now), `last for more than ${signer.warnDays} days`),
      advice: 'Follow "A new key" of the README for the signing certificate; put a new config/tls_cert.pem in place for TLS.',
    },
    {
      what: 'index',
      look: async () => {
        const { mtimeMs } = await stat(index.file)
        return within(indexLimit({ age: Date.now() - mtimeMs }, alarms.indexAge || Infinity), 'fresh')
      },
      advice: 'Fetch the index of providers daily: pec index import, or [index] of config/pec.ini.',
    },
    {
      what: 'directory',
      look: async () => `${(await lookAtDirectory(config)).size} domains, and the mailbox for receipts`,
      advice: 'Add what is missing with pec domain add and pec mailbox add, or look at [directory] and [ldap].',
    },
    {
      what: 'database',
      look: () => lookAtLedger(config),
      advice: 'Look at [ledger] of config/pec.ini and at the settings of the database server.',
    },
    {
      what: 'dns',
      look: async () => lookAtDomains(await lookAtDirectory(config), names),
      advice: 'Give each domain an MX record to a host with an address, and wait until the old answer is forgotten.',
    },
    {
      what: 'tls',
      look: () => lookAtListeners(config),
      advice: 'Put a certificate for that name into config/tls_cert.pem and its key into config/tls_key.pem.',
    },
    {
      what: 'antivirus',
      look: () => lookAtAntivirus(config),
      advice: 'Start clamd with AlertExceedsMax yes, ScanMail and ScanArchive; [antivirus] says where it is.',
    },
    {
      what: 'spam-filter',
      look: () => lookAtSpamFilter(config, rspamd.main ?? {}),
      advice: 'Start rspamd; config/rspamd.ini says where it is.',
    },
    {
      what: 'store',
      look: () => lookAtStore(config),
      advice: 'Start the mailbox store; [store] lmtp says where it takes messages.',
    },
    {
      what: 'clock',
      look: () => lookAtClock(config),
      advice: 'Let chrony or another NTP client set the clock, and open UDP port 123 to the servers of [clock].',
    },
    {
      what: 'time-stamps',
      look: () => lookAtTimestamps(config),
      advice: 'Look at [timestamp] and at the way to its authorities: without a stamp the days of the register wait.',
    },
    {
      what: 'alarms',
      look: async () => {
        if (alarms.mail === undefined && alarms.webhook === undefined) return 'nobody is told of trouble: [alarms] names nobody'
        if (alarms.mail === undefined) return 'by webhook'
        await proveSmarthost(alarms.mail)
        return `by mail to ${alarms.mail.to.join(', ')}`
      },
      advice: 'Look at [alarms] smarthost and tls, and whether that server takes mail from this one.',
    },
    {
      what: 'service-mailboxes',
      look: () => lookAtServiceMailboxes(config),
      advice: 'Give the mailbox a lasting password (pec mailbox password), which its file holds; look at [interoperability] to.',
    },
    {
      what: 'disk',
      look: () => within(diskLimit([instance, files.spool, quarantine.directory], alarms.disk), 'there is room'),
      advice: 'Make room, or move the folder to a larger disk.',
    },
    {
      what: 'secrets',
      look: () => lookAtSecrets(config),
      advice: 'Give the files to the user of the gateway (chown), with mode 600 (chmod).',
    },
    {
      what: 'open-files',
      look: () => {
        const { limit } = ownDescriptors()
        refuse(limit < LEAST_FILES ? [`${limit} files may be open at a time, fewer than ${LEAST_FILES}`] : [])
        return `${limit} may be open at a time`
      },
      advice: 'Raise the limit: ulimit -n for this shell, LimitNOFILE of the systemd unit for the service.',
    },
  ]
}

async function within({ check }: Limit, seen: string): Promise<string> {
  await check()
  return seen
}
