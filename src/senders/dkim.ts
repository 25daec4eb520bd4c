import { createPrivateKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import DKIM from "nodemailer/lib/dkim";

export type DkimKey = { domain: string; selector: string; keyFile: string };

/** What is signed when it is there. nodemailer's own list leaves List-Unsubscribe-Post out, which RFC 8058 (section 4) demands. */
const SIGNED =
  "From:Sender:Reply-To:Subject:Date:Message-ID:To:Cc:MIME-Version:Content-Type:Content-Transfer-Encoding:" +
  "In-Reply-To:References:List-Unsubscribe:List-Unsubscribe-Post:Auto-Submitted:Forewarn-Change:Forewarn-Notice";

/**
 * Puts a DKIM-Signature before a composed mail. The key is read and tried here, because a key that cannot sign would later
 * mean mails without a signature.
 */
export const makeDkim = ({ domain, selector, keyFile }: DkimKey): ((mail: string) => Promise<string>) => {
  const privateKey = readFileSync(keyFile, "utf8");
  if (createPrivateKey(privateKey).asymmetricKeyType !== "rsa")
    throw new Error(`DKIM_KEY_FILE holds no RSA key, which is what signs mails (rsa-sha256): ${keyFile}`);
  const signer = new DKIM({ domainName: domain, keySelector: selector, privateKey, headerFieldNames: SIGNED });
  return (mail) => text(signer.sign(mail));
};
