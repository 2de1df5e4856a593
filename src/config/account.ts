import { section } from './section.js'

/** [account]: where the pages on which people change their passwords and administer domains are; undefined for nowhere. */
export const account = section('account', ['listen'], (values) => ({
  listen: values.optionalText('listen') === undefined ? undefined : values.endpoint('listen', ''),
}))
