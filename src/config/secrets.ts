/** Files that hold secrets: nobody but the gateway's user may read them, and a backup may leave them out. */
import { join } from 'node:path'
import type { Config } from './config.js'

/** Private keys, passphrases, PINs and passwords that the settings name. Absolute paths; they need not be there. */
export function secretsOf(config: Config): readonly string[] {
  const { instance, signer, tokens, ledger, directory, ldap, index, timestamp, retrieval, interoperability } = config
  const key = tokens === undefined ? [signer.key, signer.passphraseFile] : ['file' in tokens.pin ? tokens.pin.file : undefined]
  return [
    ...key,
    join(instance, 'config', 'tls_key.pem'),
    ledger.engine === 'mysql' ? ledger.passwordFile : undefined,
    directory.engine === 'ldap' ? ldap.bindPasswordFile : undefined,
    ...[index.source?.client?.key, index.source?.account?.passwordFile, timestamp.credentialsFile],
    ...[retrieval?.passwordFile, interoperability?.from.passwordFile],
  ].filter((path) => path !== undefined)
}
