/** The public page of a change. */
export const changelogPage = (publicUrl: string, change: string): string => `${publicUrl}/changelog/${change}`;

/** A partner's own page, of a change or its home. */
export const partnerPage = (publicUrl: string, token: string): string => `${publicUrl}/p/${token}`;

/** Where one address ends its mails, and takes that back. */
export const unsubscribePage = (publicUrl: string, token: string): string =>
  `${partnerPage(publicUrl, token)}/unsubscribe`;
