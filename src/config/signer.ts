import { section } from './section.js'

/** [signer]: the key that signs, its certificate, and those of the authorities sent along; the refresh in seconds. */
export const signer = section('signer', ['key', 'certificate', 'chain', 'passphrase_file', 'refresh', 'warn_days'], (values) => ({
  key: values.path('key', 'config/pec_key.pem'),
  certificate: values.path('certificate', 'config/pec_certificate.pem'),
  chain: values.optionalPath('chain'),
  passphraseFile: values.optionalPath('passphrase_file'),
  refresh: values.number('refresh', 10),
  warnDays: values.number('warn_days', 30),
}))
