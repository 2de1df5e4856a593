import { section } from './section.js'

/** [delivery]: the hashes of brief receipts. */
export const delivery = section('delivery', ['brief_hash_input', 'brief_hash'], (values) => ({
  briefHashInput: values.oneOf('brief_hash_input', ['encoded', 'decoded'], 'encoded'),
  briefHash: values.oneOf('brief_hash', ['sha1', 'sha256'], 'sha1'),
}))
