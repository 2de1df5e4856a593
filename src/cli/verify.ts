/** `pec verify`: what a PEC message proves, for a person who must prove something with it. */
import { readFile, stat } from 'node:fs/promises'
import { Command } from 'commander'
import { PecError, isPecError, reasonOf } from '../errors.js'
import { fromFile, type Source } from '../mail/source.js'
import { examine } from '../points/evidence.js'
import type { ProviderIndex } from '../points/ports.js'
import type { TrustMeans } from '../points/standing.js'
import { readIndex } from '../providers/provider-index.js'
import { CrlCache } from '../smime/crl.js'
import { readPem } from '../smime/pem.js'
import { TrustStore } from '../smime/trust.js'
import { writeEnclosures } from './extract.js'
import { complain, say } from './terminal.js'
import { factsOf } from './verify-facts.js'
import { reportOn } from './verify-report.js'

interface VerifyOptions {
  readonly index?: string
  readonly ca?: string
  readonly crl?: readonly string[]
  readonly extract?: string
  readonly json?: true
}

const HELP = `
The signature is checked as of the time it was made: a certificate that has expired since is no fault. One that was revoked,
before or after, is: the time of a signature is its signer's own word. Without --ca and --index nothing tells whether the signer
is a provider. The operator of a gateway has both files: config/pec_anchors.pem and config/pec_index.ldif of its directory.
For an old message give the index of its time: a certificate that was replaced, or a domain that moved, is not in today's.

The copy may have been saved by a mail program with LF line ends, below an mbox "From " line, or with more fields on top.

Kinds (--json gives the words of X-Ricevuta, X-Trasporto and daticert.xml, as they stand in the message):
  accettazione              acceptance receipt
  non-accettazione          notice of non-acceptance
  presa-in-carico           take-charge receipt, between providers
  avvenuta-consegna         delivery receipt
  errore-consegna           notice of non-delivery
  preavviso-errore-consegna notice that no delivery was certified within 12 or 24 hours
  rilevazione-virus         notice of virus detection, between providers
  posta-certificata         transport envelope: a certified message, the original attached
  errore                    anomaly envelope: mail that is not certified, attached

--json prints one object. Its keys, among others: kind (null if it is no PEC message), integrity (intact, altered, unsigned), signer,
trust (status: trusted, untrusted, not-checked; reason), certificateStatus (good, revoked, expired, not-yet-valid, untrusted;
unknown if no revocation list tells), data (what daticert.xml says), findings (all that is wrong: code, text).

Exit status: 0 if nothing is wrong, 1 if anything is, 2 if it could not be checked (a file that cannot be read).

Example:
  pec verify receipt.eml --ca anchors.pem --crl crl.pem --index index.ldif`

export function verifyCommand(): Command {
  return new Command('verify')
    .description('tell what a PEC message of any provider proves')
    .argument('<FILE.eml>', 'the message: a receipt, a notice or an envelope')
    .option('--index <LDIF>', 'index of providers to look the signer up in')
    .option('--ca <PEM>', "authorities to check the signer's certificate against")
    .option('--crl <FILE>', 'revocation list of these authorities, PEM or DER, a file or an http URL; may be repeated', another)
    .option('--extract <DIR>', 'write the original, the certification data and the signature to files, for other tools')
    .option('--json', 'print one JSON object')
    .addHelpText('after', HELP)
    .showHelpAfterError('Try: pec verify --help')
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
    .action(async (file: string, options: VerifyOptions) => {
      try {
        process.exitCode = await verify(file, options)
      } catch (error) {
        complain(error)
        process.exitCode = 2
      }
    })
}

function another(file: string, files: readonly string[] = []): string[] {
  return [...files, file]
}

/** Prints the verdict and gives the exit status, 0 or 1. */
async function verify(file: string, options: VerifyOptions): Promise<number> {
  const trust = await openTrust(options)
  const index = options.index === undefined ? undefined : await openIndex(options.index)
  const message = await openMessage(file)
  const now = new Date()
  const evidence = await examine(message, { now, trust, index }).catch((error: unknown) => {
    throw isPecError(error)
      ? new PecError(error.code, `${file} cannot be read as a message: ${error.message}`, { cause: error })
      : error
  })
  const extracted = options.extract === undefined ? [] : await writeEnclosures(evidence.enclosures, options.extract)
  if (options.json === true) say(JSON.stringify({ file, ...factsOf(evidence, now), extracted }, undefined, 2))
  else for (const line of reportOn(evidence, { file, now, extracted })) say(line)
  return evidence.findings.length === 0 ? 0 : 1
}

async function openMessage(file: string): Promise<Source> {
  const facts = await naming(file, () => stat(file))
  if (!facts.isFile()) throw new PecError('configuration', `${file} is not a file`)
  return naming(file, () => fromFile(file))
}

async function openIndex(file: string): Promise<ProviderIndex> {
  const bytes = await naming(file, () => readFile(file))
  const { index, records } = await naming(file, () => readIndex(bytes))
  if (records.length === 0) throw new PecError('index', `${file} lists no provider`)
  return index
}

async function openTrust({ ca, crl }: VerifyOptions): Promise<TrustMeans | undefined> {
  if (ca === undefined) {
    if (crl !== undefined) throw new PecError('configuration', '--crl needs --ca, the authority that issued the list')
    return undefined
  }
  const anchors = readPem(await naming(ca, () => readFile(ca)), 'CERTIFICATE')
  if (anchors.length === 0) throw new PecError('configuration', `${ca} holds no certificate`)
  const lists = crl === undefined ? undefined : await openLists(crl)
  const trust = await naming(ca, () => new TrustStore({ anchors, crls: lists, crlRequired: false }))
  return { trust, lists }
}

async function openLists(sources: readonly string[]): Promise<CrlCache> {
  const lists = new CrlCache({ sources })
  await lists.refresh()
  const failed = lists
    .state()
    .flatMap(({ source, failure }) => (failure === undefined ? [] : [`${source} cannot be read: ${failure}`]))
  if (failed.length > 0) throw new PecError('configuration', failed.join('; '))
  return lists
}

/** Whatever goes wrong with a file that the user named is told with its name. */
async function naming<T>(file: string, read: () => T | Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    throw new PecError('configuration', `${file} cannot be read: ${reasonOf(error)}`, { cause: error })
  }
}
