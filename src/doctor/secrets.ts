/** Files that hold secrets: the gateway's user owns them, and nobody else may read them. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from '../config/config.js'
import { reasonOf } from '../errors.js'
import { refuse } from './examination.js'

export async function lookAtSecrets(config: Config): Promise<string> {
  const paths = secretsOf(config)
  const faults = await Promise.all(paths.map(faultOf))
  refuse(faults.filter((fault) => fault !== undefined))
  return `${paths.length} files, readable by their owner only`
}

function secretsOf({ instance, signer, tokens, ledger, directory, ldap, index, retrieval, interoperability }: Config): string[] {
  const key = tokens === undefined ? [signer.key, signer.passphraseFile] : ['file' in tokens.pin ? tokens.pin.file : undefined]
  return [
    ...key,
    join(instance, 'config', 'tls_key.pem'),
    ledger.engine === 'mysql' ? ledger.passwordFile : undefined,
    directory.engine === 'ldap' ? ldap.bindPasswordFile : directory.file,
    index.source?.client?.key,
    index.source?.account?.passwordFile,
    retrieval?.passwordFile,
    interoperability?.from.passwordFile,
  ].filter((path) => path !== undefined)
}

async function faultOf(path: string): Promise<string | undefined> {
  try {
    const { mode, uid } = await stat(path)
    if (uid !== process.getuid?.()) return `${path} belongs to user ${uid}`
    return (mode & 0o077) === 0 ? undefined : `${path} may be read by others (mode ${(mode & 0o777).toString(8)})`
  } catch (error) {
    return `${path} cannot be looked at: ${reasonOf(error)}`
  }
}
