/** Function words of some European languages. They contribute little to the topic of a text and make up half of a question. */
export const stopWords: readonly string[] = `
a about after all also an and any are as at be because been before but by can could did do does for from get gets had has have he her
here his how i if in into is it its just may me more most must my no not of on one only or other our out over own she should so some
such than that the their them then there these they this those through to too under up us use very was we were what when where which
while who whom whose why will with within without would you your
aber als am auch auf aus bei bin bis da damit das dass dem den der des die doch du durch ein eine einem einen einer eines er es für
hat haben ich ihr im ist ja kann kein keine man mehr mein mit nach nicht noch nur ob oder ohne sein sich sie sind so über um und uns
unter vom von vor war warum was wenn wer werden wie wir wird wo zu zum zur
au aux avec ce ces cette comme dans de des du elle en est et eux il ils je la le les leur lui mais ne nous on ou où par pas pour que
qui sa se ses son sont sur un une vous
al como con cual cuando de del donde el ella en es esta este esto la las lo los más no para pero por porque qué que se sin sobre su
sus también un una y
che chi ci come cosa da dal della delle di dove è gli il in la le lo ma nel non per più quale quando se si sono su un una
ao com como da das do dos e em é eu mais não na nas no nos o os ou para pela pelo por qual quando que se sem ser seu sua um uma
aan bij dat de den die dit door een en er het hij hoe ik in is je kan maar met naar niet of om ook op te uit van voor waar wat we
wie zijn zo`
  .trim()
  .split(/\s+/);
