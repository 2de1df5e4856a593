import { section } from './section.js'

/** [reception]: what becomes of ordinary mail. */
export const reception = section('reception', ['ordinary_mail'], (values) => ({
  ordinaryMail: values.oneOf('ordinary_mail', ['accept', 'reject'], 'accept'),
}))
