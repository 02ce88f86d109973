console.log('tunlab');
