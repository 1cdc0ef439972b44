"""What shops call their columns: known exports, and common names in order of how sure they are."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, eq=False)
class Layout:
    """A known export.

    Attributes:
        name: How it is called in messages.
        signature: Columns by which it is recognized.
        columns: Candidates for each role; the first that the file has is used.
        currency: The currency of the prices, where the export is always in one.
        order_level: Roles that may stand on the first line of an order only; they hold for the whole order.
        remark: What a user should know about how it is read.
    """

    name: str
    signature: tuple[str, ...]
    columns: Mapping[str, tuple[str, ...]]
    currency: str = ""
    order_level: tuple[str, ...] = ()
    remark: str = ""


_UCI = {
    "product": ("StockCode",),
    "description": ("Description",),
    "quantity": ("Quantity",),
    "invoiced_at": ("InvoiceDate",),
    "country": ("Country",),
}

LAYOUTS = (
    Layout(
        "Online Retail (UCI)",
        ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"),
        {**_UCI, "invoice": ("InvoiceNo",), "unit_price": ("UnitPrice",), "customer_id": ("CustomerID",)},
        currency="£",
    ),
    Layout(
        "Online Retail II (UCI)",
        ("Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price", "Customer ID", "Country"),
        {**_UCI, "invoice": ("Invoice",), "unit_price": ("Price",), "customer_id": ("Customer ID",)},
        currency="£",
    ),
    Layout(
        "Shopify orders",
        ("Name", "Email", "Created at", "Lineitem quantity", "Lineitem name", "Lineitem price"),
        {
            "invoice": ("Name",),
            "product": ("Lineitem sku",),
            "description": ("Lineitem name",),
            "quantity": ("Lineitem quantity",),
            "invoiced_at": ("Created at",),
            "unit_price": ("Lineitem price",),
            "customer_id": ("Email",),
            "country": ("Billing Country", "Shipping Country"),
        },
        order_level=("customer_id", "invoiced_at", "country"),
        remark="cancelled and refunded orders count as they were sold: the export does not say which lines came back",
    ),
    Layout(
        "Advanced Order Export For WooCommerce",
        ("Order Number", "Order Date", "Email (Billing)", "Item Cost"),
        {
            "invoice": ("Order Number",),
            "product": ("SKU", "Item #"),
            "description": ("Item Name", "Product Name", "Name"),
            "quantity": ("Quantity (- Refund)", "Quantity"),
            "invoiced_at": ("Order Date",),
            "unit_price": ("Item Cost",),
            "customer_id": ("Email (Billing)",),
            "country": ("Country Code (Billing)", "Country Name (Billing)", "Country Code (Shipping)"),
        },
        order_level=("customer_id", "invoiced_at", "country"),
        remark="orders of every status count, also cancelled and failed ones: filter them by status when exporting",
    ),
)


def _tiers(*tiers: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(tier.split()) for tier in tiers)


(CURRENCIES,) = _tiers("usd eur gbp chf aud cad nzd jpy cny inr sek nok dkk pln czk huf ron brl mxn zar try rub sgd")

# Names without case, blanks and signs. An earlier tier is surer; two names of one tier are the user's to choose from.
NAMES: Mapping[str, tuple[frozenset[str], ...]] = {
    "customer_id": _tiers(
        "customerid customerno customernumber customernum customercode customerkey customerref customeruid "
        "customeruniqueid clientid clientno clientnumber clientcode userid usernumber buyerid memberid membernumber "
        "shopperid accountid accountnumber custid custno custnum custkey custcode consumerid householdkey householdid "
        "loyaltyid loyaltynumber cardid cardnumber visitorid kundennummer kundennr kundenid kundeid idcliente "
        "idclient numeroclient codecliente codeclient clienteid customeridentifier",
        "customer client user buyer member shopper account kunde cliente cust customers cid uid household",
        "customeremail email emailaddress useremail buyeremail clientemail billingemail contactemail mail",
        "customername clientname buyername username customerfullname billingname",
    ),
    "invoiced_at": _tiers(
        "invoicedate invoicedatetime invoicetimestamp invoicedat orderdate orderdatetime ordertimestamp orderedat "
        "orderedon orderplacedat orderplaced orderpurchasetimestamp ordercreatedat ordercreated transactiondate "
        "transactiondatetime transactiontimestamp purchasedate purchasedatetime purchasetimestamp purchasedat "
        "purchasedon saledate salesdate saledatetime saletimestamp soldat receiptdate billdate billingdate "
        "dateoforder dateofpurchase basketdate bestelldatum rechnungsdatum kaufdatum datecommande fechapedido "
        "fechafactura fechacompra dateachat",
        "date datetime timestamp dateandtime createdat created createdon creationdate createddate datecreated "
        "placedat datum fecha ts day eventtime eventtimestamp",
        "paidat paiddate paymentdate processedat completedat completeddate",
        "time invoicetime ordertime transactiontime purchasetime saletime",
    ),
    "time": _tiers(
        "time invoicetime ordertime transactiontime transtime purchasetime saletime salestime timeofday timeofsale "
        "clocktime uhrzeit heure hora",
        "hour orderhour hourofday orderhourofday invoicehour transactionhour saleshour stunde",
    ),
    "invoice": _tiers(
        "invoice invoiceno invoicenumber invoiceid invoicenum invoicecode invoiceref orderid orderno ordernumber "
        "ordernum ordercode orderref orderreference orderkey salesorder salesorderid salesordernumber salesorderno "
        "bestellnummer bestellnr rechnungsnummer rechnungsnr auftragsnummer numerocommande numcommande idcommande "
        "idpedido numeropedido numerofactura factura",
        "order transactionid transactionno transactionnumber transactionnum transid transno receiptid receiptno "
        "receiptnumber basketid basketno basketnumber purchaseid purchaseno saleid saleno billid billno billnumber "
        "ticketid ticketno ticketnumber cartid checkoutid documentno documentnumber voucherno",
        "transaction receipt basket bill ticket cart ordername",
    ),
    "product": _tiers(
        "stockcode sku skuid skucode productsku itemsku variantsku lineitemsku stockkeepingunit",
        "productid productcode productno productnumber productnum productkey productref artikelnummer artikelnr "
        "codeproduit codigoproducto idproducto idproduit prodid",
        "itemid itemcode itemno itemnumber itemnum articleid articleno articlenumber articlecode article materialno "
        "materialnumber partno partnumber variantid merchandiseid",
        "upc ean gtin barcode asin isbn upccode eancode",
        "product item code artikel produit producto",
    ),
    "description": _tiers(
        "description productname itemname productdescription itemdescription producttitle itemtitle articlename "
        "articledescription lineitemname stockdescription artikelbezeichnung artikelname productdesc itemdesc "
        "nomproduit nombreproducto",
        "title desc bezeichnung designation descripcion libelle producttype",
    ),
    "quantity": _tiers(
        "quantity qty quantitysold qtysold soldquantity quantityordered qtyordered orderedquantity orderquantity "
        "orderqty orderedqty itemquantity itemqty productquantity lineitemquantity lineitemqty invoicequantity "
        "purchasequantity salesquantity quantitypurchased unitssold numberofunits menge anzahl stueckzahl quantite "
        "quantité cantidad quantita",
        "units unit pieces pcs count itemcount numitems noofitems numberofitems items",
    ),
    "unit_price": _tiers(
        "unitprice priceperunit priceeach unitsellingprice unitamount pricperunit peritemprice unitsaleprice "
        "einzelpreis stückpreis stueckpreis prixunitaire preciounitario prezzounitario",
        "itemprice productprice lineitemprice sellingprice saleprice salesprice retailprice priceperitem itemcost "
        "actualprice stockprice",
        "price preis prix precio prezzo",
        "unitcost",
    ),
    "total": _tiers(
        "linetotal lineamount linevalue lineprice linesales lineitemtotal lineitemamount linerevenue itemtotal "
        "itemamount extendedprice extendedamount orderlinetotal linesubtotal linetotalamount",
        "total amount totalprice totalamount totalvalue totalsales totalsale totalrevenue totalcost sales salesamount "
        "saleamount salesvalue revenue turnover spend value netamount grossamount transactionamount purchaseamount "
        "amountpaid amountspent umsatz betrag gesamt gesamtpreis summe montant importe netsales grosssales",
        "ordertotal orderamount ordervalue invoiceamount invoicetotal invoicevalue subtotal grandtotal paymentvalue "
        "transactiontotal baskettotal",
    ),
    "country": _tiers(
        "country countryname customercountry billingcountry",
        "shippingcountry shipcountry deliverycountry destinationcountry shiptocountry",
        "countrycode countryid countryiso billingcountrycode shippingcountrycode",
        "land pays pais país paese market nation",
    ),
}
